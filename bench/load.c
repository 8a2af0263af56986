/*
 * The load: whole SDK sequences (PUT token, list the role, read its document) against one server, so many at once,
 * each from a container's own loopback address. Every answer is checked; what is not as it must be is counted as an
 * error. Prints one JSON object. One thread, epoll; bench/load.ts does the same where there is no compiler.
 *
 *   load PORT AT_ONCE SECONDS one|three warm|cold < ADDRESSES
 *
 * An address may be followed by a blank and the file of a network namespace: then it is asked for from in there, at the
 * metadata service's own address instead of loopback.
 *
 * one, three: connections for the three requests. warm: for SECONDS, address after address, again and again.
 * cold: each address once; a 503 ("not ready yet") is asked again after RETRY_MS, and SECONDS is only a limit. Then each
 * sequence's own time is told besides.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { KEY_LENGTH = 20, MAX_ANSWER = 8192, MAX_REQUEST = 1024, MAX_TEXT = 256, RETRY_MS = 50, STUCK_MS = 10000 };
enum step { TOKEN, LIST, DOCUMENT, STEPS };

struct peer {
  struct sockaddr_in from;
  int namespace; /* -1: this process's own */
  /* AccessKeyId of its first document: it must not change within a run. */
  char key[KEY_LENGTH + 1];
};

struct sequence {
  int fd; /* -1: none */
  int peer;
  enum step step;
  int has_sent;
  int64_t began_us;
  int64_t retry_at_us; /* 0: it waits for nothing but its answer */
  char token[MAX_TEXT];
  char role[MAX_TEXT];
  char answer[MAX_ANSWER + 1];
  size_t length;
};

static struct peer *peers;
static int peer_count, next_peer;
static struct sockaddr_in server = {.sin_family = AF_INET};
static int epoll, connections, is_cold;
static int64_t ends_us;
static uint32_t *latencies_us;
static size_t done, room, errors, retries;
static char first_error[MAX_TEXT];

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void fatal(const char *what) {
  perror(what);
  exit(1);
}

static void begin(struct sequence *s);

static void close_connection(struct sequence *s) {
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
}

static void fail(struct sequence *s, const char *why) {
  static const char *const asked[] = {"token", "list", "document"};
  if (errors++ == 0) {
    char status[14] = "";
    for (int i = 0; i < 13 && s->answer[i] >= ' '; i++) status[i] = s->answer[i] == '"' ? '\'' : s->answer[i];
    snprintf(first_error, sizeof first_error, "%s: %s (%s)", asked[s->step], why, status);
  }
  close_connection(s);
  begin(s);
}

static void connect_from(struct sequence *s) {
  int on = 1, namespace = peers[s->peer].namespace;
  if (namespace >= 0 && setns(namespace, CLONE_NEWNET) < 0) fatal("setns");
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (s->fd < 0) fatal("socket");
  setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind(s->fd, (struct sockaddr *)&peers[s->peer].from, sizeof server) < 0) fatal("bind");
  if (connect(s->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) fatal("connect");
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &event) < 0) fatal("epoll_ctl");
}

/* Half of the containers ask as botocore does, half as Go's SDK: the fields of each, in its order. */
static int head(const struct sequence *s, char *out, const char *method, const char *path, const char *fields) {
  const char *close = connections > 1 && s->peer % 2 ? "Connection: close\r\n" : "";
  const char *agent = s->peer % 2 ? "aws-sdk-go-v2/1.47.7 ua/2.1 os/linux lang/go#1.26.8 md/GOOS#linux md/GOARCH#amd64 api/imds#1.18.31"
                                  : "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7";
  const char *accept = s->peer % 2 ? "Amz-Sdk-Request: attempt=1; max=3\r\nAccept-Encoding: gzip\r\n" : "Accept-Encoding: identity\r\n";
  return snprintf(out, MAX_REQUEST, "%s %s HTTP/1.1\r\nHost: 169.254.169.254\r\nUser-Agent: %s\r\n%s%s%s\r\n", method,
                  path, agent, accept, close, fields);
}

static int request(const struct sequence *s, char *out) {
  static const char roles[] = "/latest/meta-data/iam/security-credentials/";
  char path[sizeof roles + MAX_TEXT], fields[MAX_TEXT + 64];
  if (s->step == TOKEN)
    return head(s, out, "PUT", "/latest/api/token", "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\nContent-Length: 0\r\n");
  snprintf(path, sizeof path, "%s%s", roles, s->step == DOCUMENT ? s->role : "");
  snprintf(fields, sizeof fields, "x-aws-ec2-metadata-token: %s\r\n", s->token);
  return head(s, out, "GET", path, fields);
}

static void send_request(struct sequence *s) {
  char out[MAX_REQUEST];
  int length = request(s, out);
  s->has_sent = 1;
  s->length = 0;
  if (send(s->fd, out, length, MSG_NOSIGNAL) != length) fail(s, "could not be sent");
}

static void ask(struct sequence *s) {
  s->has_sent = 0;
  s->length = 0;
  s->answer[0] = 0;
  connect_from(s);
}

/* The next address, or none when the run is over. */
static void begin(struct sequence *s) {
  int is_over = now_us() >= ends_us || (is_cold && next_peer == peer_count);
  if (is_over) return;
  s->peer = next_peer++;
  if (!is_cold && next_peer == peer_count) next_peer = 0;
  s->step = TOKEN;
  s->began_us = now_us();
  ask(s);
}

static void finish(struct sequence *s) {
  if (done == room) latencies_us = realloc(latencies_us, (room = room ? room * 2 : 65536) * sizeof *latencies_us);
  latencies_us[done++] = now_us() - s->began_us;
  close_connection(s);
  begin(s);
}

/* Copies the body; 0 when it is empty, too long or more than one line. */
static int take_line(char *into, const char *body, size_t length) {
  if (length == 0 || length >= MAX_TEXT || memchr(body, '\n', length)) return 0;
  memcpy(into, body, length);
  into[length] = 0;
  return 1;
}

/* Whether the document is one, with the key this container had before. */
static const char *check_document(struct peer *peer, const char *body) {
  const char *key = strstr(body, "\"AccessKeyId\" : \"");
  if (!strstr(body, "\"Code\" : \"Success\"") || !strstr(body, "\"Token\" : \"") || !key) return "no credentials in it";
  key += strlen("\"AccessKeyId\" : \"");
  if (strcspn(key, "\"") != KEY_LENGTH) return "its AccessKeyId has another length";
  if (peer->key[0] == 0) memcpy(peer->key, key, KEY_LENGTH);
  return memcmp(peer->key, key, KEY_LENGTH) == 0 ? NULL : "another key than before";
}

static void retry_later(struct sequence *s) {
  retries++;
  close_connection(s);
  s->step = TOKEN;
  s->retry_at_us = now_us() + RETRY_MS * 1000;
}

static void next_step(struct sequence *s) {
  s->step++;
  if (connections == 1) return send_request(s);
  close_connection(s);
  ask(s);
}

static void judge(struct sequence *s, const char *body, size_t length) {
  if (is_cold && strncmp(s->answer, "HTTP/1.1 503 ", 13) == 0) return retry_later(s);
  if (strncmp(s->answer, "HTTP/1.1 200 ", 13) != 0) return fail(s, "status is not 200");
  if (s->step == TOKEN && !take_line(s->token, body, length)) return fail(s, "no token in it");
  if (s->step == LIST && !take_line(s->role, body, length)) return fail(s, "no role in it");
  if (s->step < DOCUMENT) return next_step(s);
  const char *wrong = check_document(&peers[s->peer], body);
  if (wrong) return fail(s, wrong);
  finish(s);
}

/* 1 when it is whole, 0 when more must come, -1 when it can never be right. One request at a time: what follows the
 * body is an error. */
static int is_whole(const struct sequence *s, const char **body, const char **wrong) {
  const char *head_end = strstr(s->answer, "\r\n\r\n");
  const char *size = strcasestr(s->answer, "\r\nContent-Length: ");
  if (!head_end) return 0;
  *wrong = "no Content-Length";
  if (!size || size > head_end) return -1;
  *body = head_end + 4;
  size_t here = s->answer + s->length - *body, wanted = strtoul(size + 18, NULL, 10);
  *wrong = "longer than its Content-Length";
  return here > wanted ? -1 : here == wanted;
}

/* Until there is nothing to read: events tell of changes alone (EPOLLET), and the end may have come with the bytes. */
static void read_answer(struct sequence *s) {
  const char *body, *wrong;
  for (;;) {
    ssize_t got = recv(s->fd, s->answer + s->length, MAX_ANSWER - s->length, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return fail(s, got == 0 ? "closed before the end of the answer" : strerror(errno));
    s->length += got;
    s->answer[s->length] = 0;
    int whole = is_whole(s, &body, &wrong);
    if (whole < 0) return fail(s, wrong);
    if (whole > 0) return judge(s, body, s->answer + s->length - body);
  }
}

static void read_peers(void) {
  char line[128];
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) files.rlim_cur = files.rlim_max, setrlimit(RLIMIT_NOFILE, &files);
  while (fgets(line, sizeof line, stdin)) {
    char *address = strtok(line, " \n"), *namespace = strtok(NULL, " \n");
    if (!address) continue;
    peers = realloc(peers, (peer_count + 1) * sizeof *peers);
    peers[peer_count] = (struct peer){.from = {.sin_family = AF_INET}, .namespace = -1};
    if (inet_pton(AF_INET, address, &peers[peer_count].from.sin_addr) != 1) fatal(address);
    if (namespace && (peers[peer_count].namespace = open(namespace, O_RDONLY | O_CLOEXEC)) < 0) fatal(namespace);
    if (namespace) inet_pton(AF_INET, "169.254.169.254", &server.sin_addr);
    peer_count++;
  }
}

static int is_active(const struct sequence *s) { return s->fd >= 0 || s->retry_at_us > 0; }

static void wake(struct sequence *s) {
  if (s->retry_at_us == 0 || s->retry_at_us > now_us()) return;
  s->retry_at_us = 0;
  ask(s);
}

static void run(struct sequence *sequences, int at_once) {
  struct epoll_event events[256];
  for (int i = 0; i < at_once; i++) begin(&sequences[i]);
  for (;;) {
    int count = epoll_wait(epoll, events, 256, RETRY_MS);
    for (int i = 0; i < count; i++) {
      struct sequence *s = events[i].data.ptr;
      if (!s->has_sent && events[i].events & EPOLLOUT) send_request(s);
      else if (s->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_answer(s);
    }
    int active = 0;
    for (int i = 0; i < at_once && (is_cold || active == 0); i++) {
      wake(&sequences[i]);
      active += is_active(&sequences[i]);
    }
    if (active == 0) return;
    if (now_us() > ends_us + STUCK_MS * 1000) {
      for (int i = 0; i < at_once; i++) if (is_active(&sequences[i])) fail(&sequences[i], "no answer in time");
      return;
    }
  }
}

static int by_number(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static int by_key(const void *a, const void *b) { return strcmp(((const struct peer *)a)->key, ((const struct peer *)b)->key); }

/* How many different keys were given out: as many as containers, where each has its own. */
static int count_keys(void) {
  int count = 0;
  qsort(peers, peer_count, sizeof *peers, by_key);
  for (int i = 0; i < peer_count; i++) count += peers[i].key[0] && (i == 0 || by_key(&peers[i - 1], &peers[i]) != 0);
  return count;
}

static uint32_t percentile(int percent) {
  return done ? latencies_us[(done - 1) * percent / 100] : 0;
}

int main(int argc, char **argv) {
  if (argc != 6) return fprintf(stderr, "usage: load PORT AT_ONCE SECONDS one|three warm|cold < ADDRESSES\n"), 2;
  int at_once = atoi(argv[2]);
  server.sin_port = htons(atoi(argv[1]));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connections = strcmp(argv[4], "one") == 0 ? 1 : STEPS;
  is_cold = strcmp(argv[5], "cold") == 0;
  read_peers();
  if (peer_count == 0 || (epoll = epoll_create1(0)) < 0) fatal("start");
  struct sequence *sequences = calloc(at_once, sizeof *sequences);
  for (int i = 0; i < at_once; i++) sequences[i].fd = -1;
  int64_t began_us = now_us();
  ends_us = began_us + (int64_t)(atof(argv[3]) * 1e6);
  run(sequences, at_once);
  double seconds = (now_us() - began_us) / 1e6;
  qsort(latencies_us, done, sizeof *latencies_us, by_number);
  printf("{\"sequences\":%zu,\"seconds\":%.6f,\"p50Us\":%u,\"p99Us\":%u,\"keys\":%d,\"retries\":%zu,\"errors\":%zu,\"firstError\":\"%s\",\"latenciesUs\":[",
         done, seconds, percentile(50), percentile(99), count_keys(), retries, errors, first_error);
  for (size_t i = 0; is_cold && i < done; i++) printf("%s%u", i == 0 ? "" : ",", latencies_us[i]);
  printf("]}\n");
  return 0;
}
