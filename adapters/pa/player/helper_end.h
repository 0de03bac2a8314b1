/* How a helper program (sip/, hikvision/, alsa/) ended: its exit code. What tocsin-pa makes of each is the table in
 * helper.c. */
#ifndef TOCSIN_PLAYER_HELPER_END_H
#define TOCSIN_PLAYER_HELPER_END_H

enum helper_end {
    END_PLAYED = 0, /* to its end, and the other side was still there then */
    END_FAULT = 1,  /* of ours: no socket, no WAV */
    END_USAGE = 2,
    END_UNREACHABLE = 10, /* not a word came back */
    END_NO_ANSWER,        /* it is there, but does not take the call in time */
    END_BUSY,
    END_TROUBLE,  /* of the other side, such as 5xx; whatever may pass by itself */
    END_DECLINED, /* somebody or something said no */
    END_NO_SUCH,  /* the address is nobody's */
    END_AUTH,     /* user or password is wrong or missing */
    END_NO_CODEC, /* nothing in common, or an answer without sound */
    END_HUNG_UP,  /* by the other side, before the sound's end */
    END_TAKEN,    /* … because something of higher priority needed the line */
    END_LOST,     /* it had begun, but nobody answers any more */
    END_STOPPED,  /* by a signal */
    END_UNTRUSTED /* its certificate is not what it should be */
};

#endif
