/*
 * Processes that do nothing: the first processes of the containers that the bench makes up, so that taskrole has
 * something to watch. Prints their pids, a line each; they end with this process, which ends with its input.
 *
 *   stand-ins COUNT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int count = argc == 2 ? atoi(argv[1]) : 0;
  pid_t self = getpid();
  for (int i = 0; i < count; i++) {
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
