/*
 * Processes that do nothing: the first processes of the containers that the bench makes up, so that taskrole has
 * something to watch. Prints their pids, a line each; they end with this process, which ends with its input.
 *
 *   stand-ins COUNT [net]
 *
 * net: each in a network namespace of its own, with nothing in it but a loopback link that is down.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 0;
  int has_net = argc > 2 && strcmp(argv[2], "net") == 0;
  pid_t self = getpid();
  for (int i = 0; i < count; i++) {
    /* This process moves on with each child, which stays where it was born: a pid is printed once its namespace is there. */
    if (has_net && unshare(CLONE_NEWNET) < 0) return perror("unshare"), 1;
    pid_t child = fork();
    if (child < 0) return perror("fork"), 1;
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(STDIN_FILENO);
      close(STDOUT_FILENO);
      while (getppid() == self) pause();
      _exit(0);
    }
    dprintf(STDOUT_FILENO, "%d\n", child);
  }
  while (getchar() != EOF) continue;
  return 0;
}
