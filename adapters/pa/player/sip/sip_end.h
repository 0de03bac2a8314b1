/* How a call of tocsin-pa-sip ended: its exit code, and what tocsin-pa makes of it. One row each in output_sip.c. */
#ifndef TOCSIN_PLAYER_SIP_END_H
#define TOCSIN_PLAYER_SIP_END_H

enum sip_end {
    SIP_PLAYED = 0, /* to its end, and the other side knew of our hanging up */
    SIP_FAULT = 1,  /* of ours: no socket, no WAV */
    SIP_USAGE = 2,
    SIP_UNREACHABLE = 10, /* not a word came back */
    SIP_NO_ANSWER,        /* it rang */
    SIP_BUSY,
    SIP_SERVER_ERROR, /* 5xx, and whatever may pass by itself */
    SIP_DECLINED,     /* somebody or something said no */
    SIP_NO_SUCH,      /* the address is nobody's */
    SIP_AUTH,         /* user or password is wrong or missing */
    SIP_NO_CODEC,     /* nothing in common, or an answer without sound */
    SIP_HUNG_UP,      /* by the other side, before the sound's end */
    SIP_TAKEN,        /* … because something of higher priority needed the line (RFC 4411) */
    SIP_LOST,         /* the call stood, but nobody answers any more */
    SIP_STOPPED       /* by a signal */
};

#endif
