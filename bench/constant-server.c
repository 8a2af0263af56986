/*
 * The least a server can do: an epoll loop that tells the three requests of a sequence apart and answers each with
 * the same bytes every time. What it costs is what TCP costs; what taskrole costs is measured against it.
 *
 *   constant-server PORT DIR     DIR holds `token`, `list` and `document`: whole answers.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_REQUEST = 8192, MAX_ANSWER = 8192, MAX_CONNECTIONS = 65536 };

struct answer {
  char bytes[MAX_ANSWER];
  size_t length;
};

struct connection {
  char request[MAX_REQUEST + 1];
  size_t length;
};

static struct answer token, list, document;
static struct connection *connections[MAX_CONNECTIONS];

static void fatal(const char *what) {
  perror(what);
  exit(1);
}

static void load(struct answer *answer, const char *directory, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "r");
  if (!file) fatal(path);
  answer->length = fread(answer->bytes, 1, MAX_ANSWER, file);
  fclose(file);
}

static int listen_on(int port) {
  struct sockaddr_in address = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 512) < 0) fatal("listen");
  return fd;
}

static void accept_all(int epoll, int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (fd >= MAX_CONNECTIONS || !(connections[fd] = malloc(sizeof **connections))) fatal("connection");
    connections[fd]->length = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

static void end(int fd) {
  free(connections[fd]);
  close(fd);
}

static const struct answer *answer_to(const char *request) {
  if (strncmp(request, "PUT ", 4) == 0) return &token;
  return strstr(request, "/ HTTP/1.1\r\n") ? &list : &document;
}

/* One request at a time: the load never sends the next before it has the answer. */
static void serve(int fd) {
  struct connection *c = connections[fd];
  ssize_t got = recv(fd, c->request + c->length, MAX_REQUEST - c->length, 0);
  if (got <= 0) return end(fd);
  c->length += got;
  c->request[c->length] = 0;
  if (!strstr(c->request, "\r\n\r\n")) return;
  const struct answer *answer = answer_to(c->request);
  ssize_t sent = send(fd, answer->bytes, answer->length, MSG_NOSIGNAL);
  if (sent != (ssize_t)answer->length || strstr(c->request, "\r\nConnection: close\r\n")) return end(fd);
  c->length = 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: constant-server PORT DIR\n"), 2;
  load(&token, argv[2], "token");
  load(&list, argv[2], "list");
  load(&document, argv[2], "document");
  int listener = listen_on(atoi(argv[1])), epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listener) accept_all(epoll, listener);
      else serve(events[i].data.fd);
    }
  }
}
