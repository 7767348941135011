// Preloaded into a program, this notes every name it looks up and every connection it makes beyond
// this machine's own sockets, and refuses both: what native libraries do cannot be seen from Python.
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <dlfcn.h>
#include <sys/socket.h>

static void note(const char *call, const char *host) {
  const char *path = getenv("NETWORK_DIARY");
  FILE *diary = path ? fopen(path, "a") : NULL;
  if (diary) {
    fprintf(diary, "%s %s\n", call, host ? host : "");
    fclose(diary);
  }
}

static int is_internet(const struct sockaddr *address) {
  return address && (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
  note("getaddrinfo", host);
  return EAI_FAIL;
}

struct hostent *gethostbyname(const char *host) {
  note("gethostbyname", host);
  return NULL;
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
  int (*original)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
  if (!is_internet(address)) return original(socket, address, length);
  note("connect", "");
  errno = ENETUNREACH;
  return -1;
}

ssize_t sendto(int socket, const void *data, size_t size, int flags, const struct sockaddr *address,
               socklen_t length) {
  ssize_t (*original)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
      dlsym(RTLD_NEXT, "sendto");
  if (!is_internet(address)) return original(socket, data, size, flags, address, length);
  note("sendto", "");
  errno = ENETUNREACH;
  return -1;
}
