/* What holds for everything that is drawn. Drawing may be done on any thread, one at a time. */
#ifndef TOCSIN_ADAPTERS_DRAW_H
#define TOCSIN_ADAPTERS_DRAW_H

/* Forgets the fonts of this thread and of the process: at its end, when nothing is drawn any more. */
void draw_end(void);

#endif
