/* See string.h here: nothing of it is used. */
