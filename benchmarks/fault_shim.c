// Preloaded into a program, this counts its calls that change files below $FAULT_FOLDER, and from the
// call number $FAULT_AT on lets one ($FAULT_KIND=once) or all ($FAULT_KIND=full) of them fail, as a
// faulty or a full disk does. The total is written to $FAULT_COUNT when the program ends.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static int below(const char *path) {
  const char *folder = getenv("FAULT_FOLDER");
  return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int fails(void) {
  const char *at = getenv("FAULT_AT"), *kind = getenv("FAULT_KIND");
  long call = atomic_fetch_add(&calls, 1) + 1, first = at ? atol(at) : 0;
  if (!first || call < first) return 0;
  if (kind && strcmp(kind, "once") == 0 && call > first) return 0;
  errno = kind && strcmp(kind, "once") == 0 ? EIO : ENOSPC;
  return 1;
}

static int fails_on(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return below(path) && fails();
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

ssize_t write(int file, const void *data, size_t size) {
  if (fails_on(file)) return -1;
  return REAL("write", ssize_t(*)(int, const void *, size_t))(file, data, size);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  if (fails_on(file)) return -1;
  return REAL("writev", ssize_t(*)(int, const struct iovec *, int))(file, parts, count);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
  if (fails_on(file)) return -1;
  return REAL("pwrite", ssize_t(*)(int, const void *, size_t, off_t))(file, data, size, at);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
  if (fails_on(file)) return -1;
  return REAL("pwrite64", ssize_t(*)(int, const void *, size_t, off64_t))(file, data, size, at);
}

int fsync(int file) {
  if (fails_on(file)) return -1;
  return REAL("fsync", int (*)(int))(file);
}

int fdatasync(int file) {
  if (fails_on(file)) return -1;
  return REAL("fdatasync", int (*)(int))(file);
}

int ftruncate64(int file, off64_t size) {
  if (fails_on(file)) return -1;
  return REAL("ftruncate64", int (*)(int, off64_t))(file, size);
}

int rename(const char *from, const char *to) {
  char path[PATH_MAX];
  if (realpath(from, path) && below(path) && fails()) return -1;
  return REAL("rename", int (*)(const char *, const char *))(from, to);
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("FAULT_COUNT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%ld", atomic_load(&calls));
  fclose(file);
}
