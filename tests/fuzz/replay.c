/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over the files of a folder: the committed corpus, without clang. */
#include <dirent.h>

#include "fuzz.h"

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size = file && !fseek(file, 0, SEEK_END) ? ftell(file) : -1;
    must(size >= 0 && !fseek(file, 0, SEEK_SET));
    /* exact, so that sanitizers see an over-read */
    uint8_t *data = malloc(size ? (size_t)size : 1);
    must(data && fread(data, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    char path[4096];
    int files = 0;
    if (!folder) return fprintf(stderr, "usage: %s CORPUS\n", argv[0]), 2;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        run_file(path);
        ++files;
    }
    closedir(folder);
    printf("%d inputs\n", files);
    return files ? 0 : 1;
}
