/* tocsin deliveries card, and the picture that the console offers. */
#include "cli/card.h"

#include "adapters/cards.h"
#include "base/i18n.h"
#include "base/json.h"

enum relay_err delivery_card(const cJSON *delivery, int64_t now, struct buf *ret_png, struct buf *ret_alt,
                             struct reason *why)
{
    const cJSON *texts = cJSON_GetObjectItemCaseSensitive(delivery, "texts"), *line;
    const char *id = json_str_or(delivery, "id", "");
    struct message m = {.alert = json_str_or(delivery, "alert", NULL),
                        .headline = json_str_or(texts, "headline", NULL),
                        .issuer = json_str_or(texts, "issuer", NULL)};
    if (!level_parse(json_str_or(delivery, "level", ""), &m.level) ||
        !msg_type_parse(json_str_or(delivery, "msgType", ""), &m.msg_type) ||
        !cap_status_parse(json_str_or(delivery, "status", ""), &m.status) ||
        json_time(delivery, "issued", &m.sent) != RELAY_OK ||
        json_time(delivery, "expires", &m.expires) != RELAY_OK)
        return fail(why, RELAY_INVALID, _("the relay's answer on %s is of another version"), id);
    cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(texts, "lines"))
    {
        if (m.n_lines < 3 && cJSON_IsString(line)) m.lines[m.n_lines++] = line->valuestring;
    }
    int64_t ended;
    bool taken_back = m.msg_type != MSG_CANCEL && json_time(delivery, "alert_ended", &ended) == RELAY_OK;
    if (m.expires <= now || taken_back)
        return fail(why, RELAY_CONFLICT, _("%s is over; what is no longer true is not passed on"), id);
    const char *state = json_str_or(delivery, "state", "");
    if (strcmp(state, "held") == 0 || strcmp(state, "suppressed") == 0 || strcmp(state, "cancelled") == 0)
        return fail(why, RELAY_CONFLICT, _("%s is %s (%s): a picture does not stand for a decision"), id,
                    state, json_str_or(delivery, "reason", ""));
    struct card card;
    if (!card_of(&m, &card))
        return fail(why, RELAY_INVALID, _("%s has no headline for a card; pass its text on"), id);
    enum relay_err err = card_png(&card, ret_png, why);
    if (err == RELAY_OK) card_alt(&card, ret_alt);
    return err;
}
