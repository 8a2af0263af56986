/*
 * Processes that pass for containers: each in a network namespace and a control group of its own, made ahead and started
 * when its turn comes. The first thing that one does is to ask the metadata service who it is.
 *
 *   "make ID CGROUP"               a process that waits            -> "made ID PID"
 *   "up PID"                       its eth0, made meanwhile, is brought up
 *   "start PID ADDRESS GATEWAY"    it takes the address and asks   -> "said PID MILLISECONDS STATUS BODY"
 *                                                                     or "said PID MILLISECONDS ERRNO-NAME -"
 *   "kill PID"
 *   "plug LINK BRIDGE"             the host's end joins the bridge -> "plugged LINK"
 *   "unplug LINK"                  it is down, and being deleted   -> "unplugged LINK"
 *
 * The other end of eth0 is whoever made the link's business. Nothing of an answer's body counts but its first line.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define METADATA "169.254.169.254"
#define MOST 256

/* Longer than a lost first packet takes (1 s, which is what botocore gives one request): so that it can be told from no answer. */
#define PATIENCE_SECONDS 3

static struct { pid_t pid; int orders; } pool[MOST];

static void die(const char *what) {
  fprintf(stderr, "pool: %s: %s\n", what, strerror(errno));
  _exit(1);
}

static struct sockaddr_in ipv4(const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, address, &to.sin_addr) != 1) die(address);
  return to;
}

/* Returns -1 when there is no such link. */
static int switch_link(const char *name, int up) {
  struct ifreq link = {0};
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  snprintf(link.ifr_name, sizeof link.ifr_name, "%.15s", name);
  int done = ioctl(control, SIOCGIFFLAGS, &link);
  link.ifr_flags = (short)(up ? link.ifr_flags | IFF_UP : link.ifr_flags & ~IFF_UP);
  if (done == 0) done = ioctl(control, SIOCSIFFLAGS, &link);
  close(control);
  return done;
}

/* An address of a /29 and the default route. */
static void take(const char *address, const char *gateway) {
  struct ifreq link = {.ifr_name = "eth0"};
  struct sockaddr_in own = ipv4(address, 0), mask = ipv4("255.255.255.248", 0), any = ipv4("0.0.0.0", 0), via = ipv4(gateway, 0);
  struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  memcpy(&link.ifr_addr, &own, sizeof own);
  if (ioctl(control, SIOCSIFADDR, &link) < 0) die("address");
  memcpy(&link.ifr_netmask, &mask, sizeof mask);
  if (ioctl(control, SIOCSIFNETMASK, &link) < 0) die("netmask");
  memcpy(&route.rt_dst, &any, sizeof any);
  memcpy(&route.rt_genmask, &any, sizeof any);
  memcpy(&route.rt_gateway, &via, sizeof via);
  if (ioctl(control, SIOCADDRT, &route) < 0) die("route");
  close(control);
}

/* Returns 0, or -1 with errno set; `answer` is what came until the other side closed. */
static int ask(char *answer, size_t size) {
  static const char request[] =
      "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\nHost: " METADATA "\r\nConnection: close\r\n\r\n";
  struct sockaddr_in to = ipv4(METADATA, 80);
  struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
  size_t length = 0;
  ssize_t n;
  int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(peer, (struct sockaddr *)&to, sizeof to) < 0) return -1;
  if (write(peer, request, sizeof request - 1) < 0) return -1;
  while (length + 1 < size && (n = read(peer, answer + length, size - 1 - length)) > 0) length += (size_t)n;
  answer[length] = 0;
  close(peer);
  return n < 0 ? -1 : 0;
}

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void first_act(void) {
  char answer[8192], said[512];
  int status = 0;
  long begun = milliseconds();
  int done = ask(answer, sizeof answer);
  long took = milliseconds() - begun;
  const char *body = done == 0 ? strstr(answer, "\r\n\r\n") : NULL;
  if (body && sscanf(answer, "HTTP/1.1 %d", &status) == 1)
    snprintf(said, sizeof said, "said %d %ld %d %.100s", getpid(), took, status, body + 4);
  else
    snprintf(said, sizeof said, "said %d %ld %s -", getpid(), took, done == 0 ? "nothing" : strerrorname_np(errno));
  said[strcspn(said, "\r\n")] = 0;
  dprintf(1, "%s\n", said);
}

static void live(int orders, const char *id, const char *cgroup) {
  char order[256], address[64], gateway[64];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int group = open(cgroup, O_WRONLY | O_CLOEXEC);
  if (group < 0 || write(group, "0", 1) != 1) die(cgroup);
  close(group);
  if (unshare(CLONE_NEWNET) < 0) die("unshare");
  dprintf(1, "made %s %d\n", id, getpid());
  if (read(orders, order, 1) != 1) _exit(0);
  if (switch_link("eth0", 1) < 0) die("up");
  ssize_t n = read(orders, order, sizeof order - 1);
  if (n <= 0) _exit(0);
  order[n] = 0;
  if (sscanf(order, "%63s %63s", address, gateway) != 2) die("order");
  take(address, gateway);
  first_act();
  for (;;) pause();
}

static void make(const char *id, const char *cgroup) {
  int ends[2];
  size_t i = 0;
  while (i < MOST && pool[i].pid != 0) i++;
  if (i == MOST || pipe2(ends, O_CLOEXEC) < 0) die("no room");
  pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) {
    close(ends[1]);
    live(ends[0], id, cgroup);
  }
  close(ends[0]);
  pool[i].pid = pid;
  pool[i].orders = ends[1];
}

static size_t find(pid_t pid) {
  for (size_t i = 0; i < MOST; i++)
    if (pool[i].pid == pid) return i;
  die("no such process");
  return 0;
}

static void end(pid_t pid) {
  size_t i = find(pid);
  kill(pid, SIGKILL);
  close(pool[i].orders);
  pool[i].pid = 0;
}

static void order(pid_t pid, const char *text) {
  if (write(pool[find(pid)].orders, text, strlen(text)) < 0) die("order");
}

static void plug(const char *link, const char *bridge) {
  struct ifreq port = {.ifr_ifindex = (int)if_nametoindex(link)};
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  snprintf(port.ifr_name, sizeof port.ifr_name, "%.15s", bridge);
  if (ioctl(control, SIOCBRADDIF, &port) < 0) die(link);
  close(control);
  dprintf(1, "plugged %s\n", link);
}

/* The kernel may have removed it already, with the namespace of its other end. */
static void delete_link(const char *link) {
  struct { struct nlmsghdr head; struct ifinfomsg link; } request = {
      .head = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_DELLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
      .link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(link)},
  };
  char acknowledgement[1024];
  int kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (request.link.ifi_index != 0) {
    if (send(kernel, &request, sizeof request, 0) < 0) die(link);
    if (recv(kernel, acknowledgement, sizeof acknowledgement, 0) < 0) die(link);
  }
  close(kernel);
}

/* Nothing comes by it any more; the kernel takes some 40 ms to delete it, behind the next one's back. */
static void unplug(const char *link) {
  switch_link(link, 0);
  pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) {
    delete_link(link);
    _exit(0);
  }
  dprintf(1, "unplugged %s\n", link);
}

int main(void) {
  char line[512], id[80], text[400];
  int pid;
  signal(SIGCHLD, SIG_IGN);
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "make %79s %399s", id, text) == 2) make(id, text);
    else if (sscanf(line, "kill %d", &pid) == 1) end(pid);
    else if (sscanf(line, "plug %79s %399s", id, text) == 2) plug(id, text);
    else if (sscanf(line, "unplug %79s", id) == 1) unplug(id);
    else if (sscanf(line, "up %d", &pid) == 1) order(pid, "u");
    else if (sscanf(line, "start %d %399[^\n]", &pid, text) == 2) order(pid, text);
    else die(line);
  }
  return 0;
}
