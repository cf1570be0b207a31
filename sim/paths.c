/* SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of the running binary, links followed; false when the system does not tell. */
static bool own_folder(char out[PATH_MAX_BYTES])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX_BYTES - 1);
    if (n <= 0) return false;
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash) *slash = '\0';
    return slash != NULL;
}

static bool holds_data(const char *folder)
{
    char path[PATH_MAX_BYTES + 32];
    snprintf(path, sizeof path, "%s/sim/plugin.cpp", folder);
    return !access(path, R_OK);
}

/* Beside the binary, so that an installation or a tree may be moved; else where it was built for. */
static const char *find_data(void)
{
    static char found[PATH_MAX_BYTES + 32];
    static const char *const beside[] = {"../share/sanger", "../.."};
    char own[PATH_MAX_BYTES], real[PATH_MAX_BYTES];
    bool known = own_folder(own);
    for (size_t i = 0; known && i < sizeof beside / sizeof *beside; ++i) {
        snprintf(found, sizeof found, "%s/%s", own, beside[i]);
        if (!holds_data(found) || !realpath(found, real)) continue;
        return strcpy(found, real);
    }
    size_t n = strlen(SANGER_BUILD_ROOT);
    bool built = known && !strncmp(own, SANGER_BUILD_ROOT, n) && (own[n] == '/' || !own[n]);
    return built ? SANGER_SOURCE_ROOT : SANGER_DATA_DIR;
}

const char *paths_data(void)
{
    const char *set = getenv("SANGER_DATA");
    static const char *found;
    if (set && *set) return set;
    if (!found) found = find_data();
    return found;
}

static int make_folder(char *path, char *error)
{
    for (char *p = path + 1;; ++p) {
        if (*p && *p != '/') continue;
        char kept = *p;
        *p = '\0';
        if (mkdir(path, 0777) && errno != EEXIST) {
            snprintf(error, DESIGN_ERROR_MAX, "%s: folder: expected one that can be made, found: %s", path,
                     strerror(errno));
            return -1;
        }
        *p = kept;
        if (!kept) return 0;
    }
}

int paths_cache(char out[PATH_MAX_BYTES], char *error)
{
    const char *set = getenv("SANGER_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n;
    if (set && *set)
        n = snprintf(out, PATH_MAX_BYTES, "%s", set);
    else if (xdg && *xdg)
        n = snprintf(out, PATH_MAX_BYTES, "%s/sanger", xdg);
    else
        n = snprintf(out, PATH_MAX_BYTES, "%s/.cache/sanger", home && *home ? home : "/tmp");
    if (n >= PATH_MAX_BYTES - 256) {
        snprintf(error, DESIGN_ERROR_MAX, "cache folder: expected a shorter path, found %d bytes", n);
        return -1;
    }
    return make_folder(out, error);
}

int paths_design(const char *name, design_t *d, char *error)
{
    size_t n = strlen(name);
    bool is_path = strchr(name, '/') || (n > 5 && !strcmp(name + n - 5, ".json"));
    char path[PATH_MAX_BYTES];
    if (is_path) return design_load(name, d, error);
    snprintf(path, sizeof path, "%s/designs/%s.json", paths_data(), name);
    if (access(path, R_OK)) {
        snprintf(error, DESIGN_ERROR_MAX,
                 "design: expected a name from sanger design list or a path, found '%.64s'", name);
        return -1;
    }
    return design_load(path, d, error);
}

static int is_json(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 5 && !strcmp(entry->d_name + n - 5, ".json");
}

int paths_designs(design_t *d, int max, char *error)
{
    char folder[PATH_MAX_BYTES], path[PATH_MAX_BYTES + 300];
    struct dirent **entries = NULL;
    snprintf(folder, sizeof folder, "%s/designs", paths_data());
    int n = scandir(folder, &entries, is_json, alphasort), loaded = 0;
    snprintf(error, DESIGN_ERROR_MAX, "%s: folder: expected design files, found none", folder);
    for (int i = 0; i < n; ++i) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (loaded >= 0 && loaded < max) loaded = design_load(path, &d[loaded], error) ? -1 : loaded + 1;
        free(entries[i]);
    }
    free(entries);
    return loaded > 0 ? loaded : -1;
}
