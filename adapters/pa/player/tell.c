/* JSON of everything that can be seen. */
#include "player/tell.h"

#include "base/zone_class.h"

static void put_comma(struct buf *out)
{
    char last = out->len ? out->data[out->len - 1] : '[';
    if (last != '[' && last != '{' && last != ':') buf_char(out, ',');
}

void tell_slot(struct buf *out, const struct programme_input *at, const struct plan *plan)
{
    char minute[CIVIL_TEXT_LEN];
    put_comma(out);
    buf_char(out, '{');
    buf_json_member(out, "zone", at->zone->id);
    buf_json_member(out, "name", at->zone->name);
    buf_json_member(out, "minute", civil_format(at->minute, minute));
    buf_json_member_bool(out, "sounds", plan->sounding > 0);
    buf_json_member(out, "why", plan->sounding ? NULL : why_code(plan->why));
    buf_json_member(out, "why_text", plan->sounding ? NULL : why_text(plan->why));
    buf_json_member_int(out, "length_ms", plan->length_ms);
    buf_json_key(out, "items");
    buf_char(out, '[');
    for (int pass = 0; pass < 2; pass++) { /* what sounds in its order, then the rest */
        for (size_t i = 0; i < plan->n; i++) {
            const struct plan_line *l =
                pass == 0 ? ((int)i < plan->sounding ? plan_at(plan, (int)i) : NULL) : &plan->lines[i];
            if (!l || (pass == 1 && l->place >= 0)) continue;
            put_comma(out);
            buf_char(out, '{');
            buf_json_member(out, "kind", l->is_reminder ? "reminder" : "warning");
            if (l->is_reminder) {
                buf_json_member(out, "id", at->reminders[l->index].id);
                buf_json_member(out, "text", at->reminders[l->index].text);
            } else {
                const struct warning *w = &at->warnings[l->index];
                buf_json_member(out, "id", w->id);
                buf_json_member(out, "alert", w->alert);
                buf_json_member(out, "level", level_name(w->level));
                buf_json_member(out, "status", cap_status_name(w->status));
                buf_json_member(out, "text", w->text);
                buf_json_member_bool(out, "rhyme", l->rhyme);
            }
            buf_json_member_bool(out, "sounds", l->place >= 0);
            buf_json_member(out, "why", l->place >= 0 ? NULL : why_code(l->why));
            buf_json_member(out, "why_text", l->place >= 0 ? NULL : why_text(l->why));
            buf_char(out, '}');
        }
    }
    buf_str(out, "]}");
}

void tell_day_begin(struct buf *out, int64_t day, const struct day_kind *kind)
{
    char date[CIVIL_TEXT_LEN];
    (void)civil_format(day * MINUTES_A_DAY, date);
    date[10] = '\0';
    put_comma(out);
    buf_char(out, '{');
    buf_json_member(out, "date", date);
    buf_json_member(out, "day", day_type_names[kind->type]);
    buf_json_member_int(out, "weekday", civil_weekday(day));
    buf_json_member(out, "holiday", kind->name);
    buf_json_member_bool(out, "made_up", kind->made_up);
    buf_json_member_bool(out, "holidays_known", kind->known);
    buf_json_key(out, "slots");
    buf_char(out, '[');
}

void tell_day_end(struct buf *out)
{
    buf_str(out, "]}");
}

static void tell_zone(struct buf *out, const struct zone_view *v)
{
    char minute[CIVIL_TEXT_LEN];
    put_comma(out);
    buf_char(out, '{');
    buf_json_member(out, "id", v->zone->id);
    buf_json_member(out, "name", v->zone->name);
    buf_json_member(out, "class", v->zone->class->name);
    buf_json_member(out, "class_zh", zone_class_zh(v->zone->class->name));
    buf_json_member_bool(out, "never", v->zone->silent);
    buf_json_member(out, "playing", v->playing);
    if (v->playing) {
        buf_json_member(out, "playing_kind", v->playing_kind);
        buf_json_member(out, "playing_text", v->playing_text);
        buf_json_member_int(out, "playing_ms", v->playing_ms);
        buf_json_member_int(out, "playing_of_ms", v->playing_of_ms);
    }
    buf_json_member_int(out, "waiting", (int64_t)v->waiting);
    buf_json_member_int(out, "held", (int64_t)v->held);
    buf_json_member_bool(out, "quiet", v->quiet);
    buf_json_member_bool(out, "busy", v->busy);
    buf_json_member_time(out, "muted_until", v->muted_until);
    if (v->muted_until) {
        buf_json_member(out, "muted_by", v->muted_by);
        buf_json_member(out, "mute_reason", v->mute_reason);
    }
    buf_json_member_time(out, "opened_until", v->overridden_until);
    buf_json_member_int(out, "spoken_ms", v->spoken_ms);
    buf_json_member_int(out, "limit_ms", v->zone->ms_an_hour);
    buf_json_member(out, "next_slot", v->next_slot < 0 ? NULL : civil_format(v->next_slot, minute));
    buf_char(out, '}');
}

void tell_log_row(struct buf *out, const struct log_row *r)
{
    put_comma(out);
    buf_char(out, '{');
    buf_json_member_int(out, "seq", r->seq);
    buf_json_member_time(out, "at", r->at);
    buf_json_member(out, "zone", r->zone);
    buf_json_member(out, "id", r->item);
    buf_json_member(out, "kind", r->kind);
    buf_json_member(out, "state", r->state);
    buf_json_member(out, "why", *r->why ? r->why : NULL);
    buf_json_member(out, "detail", *r->detail ? r->detail : NULL);
    buf_json_member_int(out, "volume", r->volume);
    buf_json_member_int(out, "length_ms", r->length_ms);
    buf_char(out, '}');
}

static void tell_hold(struct buf *out, const struct station *s)
{
    const char *by = NULL, *source = NULL;
    enum priority hold = station_holding(s, &by, &source);
    buf_json_member(out, "hold", hold == PRIORITY_NONE ? NULL : priority_name(hold));
    if (hold == PRIORITY_NONE) return;
    buf_json_member(out, "hold_by", by);
    buf_json_member(out, "hold_source", source);
}

static void tell_holidays(struct buf *out, const struct station *s, struct now now)
{
    int missing = station_missing_holidays(s, now);
    buf_json_member_bool(out, "holidays_known", missing != clock_local(now.wall).year);
    if (missing) buf_json_member_int(out, "holidays_missing", missing);
}

void tell_state(struct buf *out, struct station *s, struct now now, const char *mode)
{
    buf_json_member(out, "mode", mode);
    buf_json_member(out, "clock", station_trusts_clock(s) ? "trusted" : "not_trusted");
    tell_holidays(out, s, now);
    tell_hold(out, s);
    buf_json_key(out, "zones");
    buf_char(out, '[');
    for (size_t z = 0; z < station_zones(s); z++) {
        struct zone_view v;
        station_view(s, now, z, &v);
        put_comma(out);
        buf_char(out, '{');
        buf_json_member(out, "id", v.zone->id);
        buf_json_member(out, "name", v.zone->name);
        buf_json_member(out, "class", v.zone->class->name);
        buf_json_member_time(out, "muted_until", v.muted_until);
        if (v.muted_until) {
            buf_json_member(out, "muted_by", v.muted_by);
            buf_json_member(out, "mute_reason", v.mute_reason);
            buf_json_member_bool(out, "mute_ends_soon", v.mute_ends_soon);
        }
        buf_json_member_time(out, "opened_until", v.overridden_until);
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

static void tell_outputs(struct buf *out, const struct air *air)
{
    buf_json_key(out, "outputs");
    buf_char(out, '[');
    size_t n;
    const struct output_health *h = air_health(air, &n);
    for (size_t i = 0; i < n; i++, h++) {
        buf_str(out, i ? ",{" : "{");
        buf_json_member(out, "id", h->id);
        buf_json_member(out, "type", h->type);
        buf_json_member(out, "state", !h->used ? "not_used" : h->failing ? "failing" : "good");
        if (h->used) buf_json_member_time(out, "since", h->since);
        if (h->failing) buf_json_member(out, "detail", h->detail);
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

void tell_status(struct buf *out, struct station *s, struct book *b, struct now now, const char *mode,
                 bool broker, const struct air *air)
{
    const struct bulletin *bulletin = station_bulletin_now(s);
    buf_char(out, '{');
    buf_json_member(out, "version", TOCSIN_VERSION);
    buf_json_member_time(out, "now", now.wall);
    buf_json_member(out, "mode", mode);
    buf_json_member(out, "broker", broker ? "up" : "down");
    buf_json_member(out, "clock", station_trusts_clock(s) ? "trusted" : "not_trusted");
    tell_holidays(out, s, now);
    tell_hold(out, s);
    buf_json_member_int(out, "bulletin_rev", bulletin->rev);
    buf_json_member_int(out, "bulletin_items", (int64_t)bulletin->n);
    buf_json_member_int(out, "log_unsent", book_count_unsent(b));
    buf_json_key(out, "zones");
    buf_char(out, '[');
    for (size_t z = 0; z < station_zones(s); z++) {
        struct zone_view v;
        station_view(s, now, z, &v);
        tell_zone(out, &v);
    }
    buf_char(out, ']');
    tell_outputs(out, air);
    buf_char(out, '}');
}
