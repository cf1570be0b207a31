/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

bool process_exists(const char *program)
{
    const char *path = getenv("PATH");
    for (const char *p = path; p && *p;) {
        size_t n = strcspn(p, ":");
        char full[PATH_MAX];
        snprintf(full, sizeof full, "%.*s/%s", (int)n, p, program);
        if (!access(full, X_OK)) return true;
        p += n + (p[n] == ':');
    }
    return false;
}

bool process_line(const char *command, char *out, size_t n)
{
    FILE *pipe = popen(command, "r");
    bool ok = pipe && fgets(out, (int)n, pipe);
    if (pipe && pclose(pipe)) ok = false;
    if (ok) out[strcspn(out, "\n")] = '\0';
    return ok;
}

int process_start(char *const argv[], const char *log)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    int failed = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed ? -1 : child;
}

int process_wait(int process)
{
    int status;
    if (process < 0) return -1;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int process_run(char *const argv[], const char *log)
{
    return process_wait(process_start(argv, log));
}
