/* SPDX-License-Identifier: Apache-2.0 */
/* Opens files that come from outside: a fifo must not hang the reader, nor a folder or a device feed it. */
#ifndef SANGER_FILE_H
#define SANGER_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

/* All of a regular file of at most `most` bytes, a NUL behind them, for the caller to free; NULL with errno
   set (EFBIG: a larger file). */
static inline char *file_read(const char *path, size_t most, size_t *bytes)
{
    FILE *file = file_open_regular(path);
    char *text = file ? malloc(most + 2) : NULL;
    if (!file || !text) return file ? (fclose(file), NULL) : NULL;
    *bytes = fread(text, 1, most + 1, file);
    int broken = ferror(file) ? EIO : *bytes > most ? EFBIG : 0;
    fclose(file);
    text[broken ? 0 : *bytes] = '\0';
    if (!broken) return text;
    free(text);
    errno = broken;
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
