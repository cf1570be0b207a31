/* SPDX-License-Identifier: Apache-2.0 */
/* Opens files that come from outside: a fifo must not hang the reader, nor a folder or a device feed it. */
#ifndef SANGER_FILE_H
#define SANGER_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A regular file opened for reading; NULL with errno set (EINVAL: not a regular file). */
static inline FILE *file_open_regular(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return NULL;
    FILE *file = !fstat(fd, &info) && S_ISREG(info.st_mode) ? fdopen(fd, "rb") : NULL;
    if (file) return file;
    close(fd);
    errno = EINVAL;
    return NULL;
}

/* False when the path names something other than a regular file: a rename would replace a device or a fifo.
 */
static inline int file_may_replace(const char *path)
{
    struct stat info;
    if (lstat(path, &info)) return 1;
    errno = EINVAL;
    return S_ISREG(info.st_mode);
}

#endif
