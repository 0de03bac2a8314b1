/* WebAssembly is little-endian. */
#ifndef TOCSIN_PAGE_ENDIAN_H
#define TOCSIN_PAGE_ENDIAN_H
#define htole32(x) (x)
#define htole64(x) (x)
#define le32toh(x) (x)
#define le64toh(x) (x)
#endif
