/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program without a shell. */
#ifndef SANGER_PROCESS_H
#define SANGER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* True when the program is on PATH. */
bool process_exists(const char *program);

/* The first line that a fixed command prints, through the shell, into out[n]; false when it fails. */
bool process_line(const char *command, char *out, size_t n);

/* Runs argv (NULL-terminated) with its output appended to `log`; returns its exit status, -1 when it could
   not be started or was killed. */
int process_run(char *const argv[], const char *log);

/* The same without waiting; process_wait gives the exit status. A process that could not be started is -1. */
int process_start(char *const argv[], const char *log);
int process_wait(int process);

#ifdef __cplusplus
}
#endif
#endif
