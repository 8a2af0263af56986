/*
 * ask: the client inside the test containers, and their first process.
 *
 *   ask SOCKET           serve SOCKET
 *   ask SOCKET first     do one whole metadata sequence at once, write it to SOCKET.first, then serve SOCKET
 *
 * SOCKET lies in a folder shared with the tests, so that a container can be
 * driven without its engine: also while dockerd is dead, and however deep the
 * container is nested. Each connection to SOCKET is one TCP connection from the container:
 *
 *   test to ask:   "ADDRESS PORT\n", then the bytes to send, as they are
 *   ask to test:   "open\n", then any number of "data LENGTH\n" + bytes, then "end\n" (FIN) or "error ERRNO-NAME\n"
 *
 * The test ends the TCP connection by closing its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define METADATA "169.254.169.254"
#define BUFFER 65536

static int write_all(int to, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t n = send(to, bytes, length, MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK) n = write(to, bytes, length);
    if (n < 0) return -1;
    bytes += n;
    length -= (size_t)n;
  }
  return 0;
}

static int say(int to, const char *format, ...) {
  char line[128];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  return write_all(to, line, (size_t)length);
}

/* Returns a connected socket, or -1 with errno set. */
static int dial(const char *address, int port) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  int is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1) {
    errno = EINVAL;
    return -1;
  }
  int peer = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int done = is_v4 ? connect(peer, (struct sockaddr *)&v4, sizeof v4) : connect(peer, (struct sockaddr *)&v6, sizeof v6);
  if (done == 0) return peer;
  int reason = errno;
  close(peer);
  errno = reason;
  return -1;
}

/* "ADDRESS PORT\n", read byte by byte: what follows belongs to the peer. */
static int read_line(int from, char *line, size_t size) {
  for (size_t length = 0; length + 1 < size; length++) {
    if (read(from, line + length, 1) != 1) return -1;
    if (line[length] == '\n') {
      line[length] = 0;
      return 0;
    }
  }
  return -1;
}

/* One step from the peer to the test. Returns 0 when the peer is done. */
static int hear(int test, int peer, char *buffer) {
  ssize_t n = recv(peer, buffer, BUFFER, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return 1;
  if (n > 0) return say(test, "data %zd\n", n) == 0 && write_all(test, buffer, (size_t)n) == 0;
  if (n == 0) say(test, "end\n");
  else say(test, "error %s\n", strerrorname_np(errno));
  return 0;
}

static void relay(int test, int peer) {
  static char buffer[BUFFER];
  struct pollfd both[2] = {{.fd = test, .events = POLLIN}, {.fd = peer, .events = POLLIN}};
  while (poll(both, 2, -1) > 0) {
    if (both[1].revents && !hear(test, peer, buffer)) return;
    if (!both[0].revents) continue;
    ssize_t n = read(test, buffer, BUFFER);
    if (n <= 0) return;
    /* A failed send is not the end: what the peer said before it closed is still to be read. */
    if (write_all(peer, buffer, (size_t)n) < 0) both[0].fd = -1;
  }
}

/* Closing with something unread would reset the connection and lose the last word. */
static void part_from(int test) {
  static char unread[BUFFER];
  shutdown(test, SHUT_WR);
  while (read(test, unread, sizeof unread) > 0) {}
}

static void serve_one(int test) {
  char line[128], address[64];
  int port;
  if (read_line(test, line, sizeof line) < 0) return;
  if (sscanf(line, "%63s %d", address, &port) != 2) {
    say(test, "error EINVAL\n");
    return;
  }
  int peer = dial(address, port);
  if (peer < 0) {
    say(test, "error %s\n", strerrorname_np(errno));
    return;
  }
  if (say(test, "open\n") == 0) relay(test, peer);
}

/* One exchange of the first sequence, written as "answer LENGTH\n" + the raw bytes, or "error ERRNO-NAME\n". */
static int exchange(FILE *report, const char *request, char *answer) {
  size_t length = 0;
  int peer = dial(METADATA, 80);
  ssize_t n = peer < 0 ? -1 : write_all(peer, request, strlen(request));
  while (n >= 0 && length < BUFFER - 1 && (n = recv(peer, answer + length, BUFFER - 1 - length, 0)) > 0) length += (size_t)n;
  answer[length] = 0;
  if (n < 0) fprintf(report, "error %s\n", strerrorname_np(errno));
  else fprintf(report, "answer %zu\n", length), fwrite(answer, 1, length, report);
  if (peer >= 0) close(peer);
  return n >= 0;
}

static const char *body_of(const char *answer) {
  const char *body = strstr(answer, "\r\n\r\n");
  return body ? body + 4 : "";
}

/* What an SDK does: token, role name, credentials; up to the first that cannot be asked. */
static void sequence(FILE *report) {
  static char answer[BUFFER], request[2 * BUFFER];
  char token[512], role[128];
  const char *list = "/latest/meta-data/iam/security-credentials/";
  int is_asked = exchange(report, "PUT /latest/api/token HTTP/1.1\r\nHost: " METADATA "\r\nContent-Length: 0\r\n"
           "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\nConnection: close\r\n\r\n", answer);
  if (!is_asked) return;
  snprintf(token, sizeof token, "%s", body_of(answer));
  snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: " METADATA "\r\nX-aws-ec2-metadata-token: %s\r\nConnection: close\r\n\r\n", list, token);
  if (!exchange(report, request, answer)) return;
  snprintf(role, sizeof role, "%s", body_of(answer));
  snprintf(request, sizeof request, "GET %s%s HTTP/1.1\r\nHost: " METADATA "\r\nX-aws-ec2-metadata-token: %s\r\nConnection: close\r\n\r\n", list, role, token);
  exchange(report, request, answer);
}

static void first(const char *path) {
  char unfinished[300];
  snprintf(unfinished, sizeof unfinished, "%s.unfinished", path);
  FILE *report = fopen(unfinished, "w");
  if (!report) return;
  sequence(report);
  fclose(report);
  rename(unfinished, path);
}

static int listen_on(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof name.sun_path) return -1;
  memcpy(name.sun_path, path, strlen(path) + 1);
  unlink(path);
  int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (door < 0 || bind(door, (struct sockaddr *)&name, sizeof name) < 0 || listen(door, 128) < 0) return -1;
  chmod(path, 0777);
  return door;
}

static void leave(int signal) { _exit(128 + signal); }

int main(int count, char **arguments) {
  if (count < 2) return 2;
  const char *path = arguments[1];
  /* The first process of a container gets no default actions: without these, each stop would take Docker's ten seconds. */
  signal(SIGTERM, leave);
  signal(SIGINT, leave);
  signal(SIGCHLD, SIG_IGN);
  if (count > 2 && strcmp(arguments[2], "first") == 0) {
    char report[256];
    snprintf(report, sizeof report, "%s.first", path);
    first(report);
  }
  int door = listen_on(path);
  if (door < 0) {
    perror(path);
    return 1;
  }
  for (;;) {
    int test = accept4(door, 0, 0, SOCK_CLOEXEC);
    if (test < 0) continue;
    if (fork() == 0) {
      signal(SIGTERM, SIG_DFL);
      serve_one(test);
      part_from(test);
      _exit(0);
    }
    close(test);
  }
}
