/* Where the files are that come with the programs: rule packs, the lexicon, schemas, samples. */
#ifndef TOCSIN_BASE_DATADIR_H
#define TOCSIN_BASE_DATADIR_H

/* TOCSIN_DATADIR of the environment, else <prefix>/share/tocsin beside the running program, so that a moved installation
 * finds its own, else where the build would install it. Never NULL; lives as long as the program. */
const char *data_dir(void);

#endif
