/* MQTT 5 reason codes in words (specification, section 2.4). */
#include "io/mqtt.h"

#include "base/i18n.h"
#include "base/mem.h"

const char *mqtt_reason(int code)
{
    static const struct {
        int code;
        const char *words;
    } reasons[] = {
        {0, N_("success")},
        {16, N_("nobody subscribes to this topic")},
        {17, N_("no such subscription")},
        {128, N_("unspecified error")},
        {129, N_("malformed packet")},
        {130, N_("protocol error")},
        {131, N_("refused by the broker's own rules")},
        {132, N_("the broker does not speak MQTT 5")},
        {133, N_("client id not accepted")},
        {134, N_("wrong user name or password")},
        {135, N_("not authorised: the broker's access list does not allow it")},
        {136, N_("the broker is not available")},
        {137, N_("the broker is busy")},
        {138, N_("banned by the broker")},
        {139, N_("the broker is shutting down")},
        {140, N_("bad authentication method")},
        {141, N_("keep-alive time-out")},
        {142, N_("another client took over this client id: two programs use the same one")},
        {143, N_("topic filter not valid")},
        {144, N_("topic name not valid")},
        {147, N_("more messages in flight than allowed")},
        {149, N_("packet too large")},
        {150, N_("message rate too high")},
        {151, N_("quota exceeded")},
        {152, N_("ended by the broker's administrator")},
        {153, N_("payload format not valid")},
        {154, N_("the broker does not retain messages")},
        {155, N_("the broker does not support this QoS")},
        {156, N_("use another broker")},
        {157, N_("the broker has moved")},
        {159, N_("too many connections a second")},
        {160, N_("connected for too long")},
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].code == code) return _(reasons[i].words);
    return _("unknown reason code");
}
