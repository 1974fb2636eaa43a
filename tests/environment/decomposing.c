/* A file system that decomposes names, as HFS+ does: every "e" with an acute accent becomes "e" and the accent. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

static const char *decomposed(const char *path, char *room) {
    char *end = room;
    if (!path || strlen(path) > 4000) return path;
    while (*path)
        if (path[0] == '\xc3' && path[1] == '\xa9') {
            memcpy(end, "e\xcc\x81", 3);
            end += 3;
            path += 2;
        } else
            *end++ = *path++;
    *end = 0;
    return room;
}

#define USUAL(type, name, ...) static type (*usual)(__VA_ARGS__); if (!usual) usual = dlsym(RTLD_NEXT, #name)
#define PATH(path) decomposed(path, (char[8192]){0})

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
        USUAL(int, name, const char *, int, ...); return usual(PATH(path), flags, mode); \
    }
#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
        USUAL(int, name, int, const char *, int, ...); return usual(at, PATH(path), flags, mode); \
    }
#define STAT(name, kind) \
    int name(const char *path, struct kind *found) { \
        USUAL(int, name, const char *, struct kind *); return usual(PATH(path), found); \
    }
#define STATAT(name, kind) \
    int name(int at, const char *path, struct kind *found, int flags) { \
        USUAL(int, name, int, const char *, struct kind *, int); return usual(at, PATH(path), found, flags); \
    }

OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)
STAT(stat, stat) STAT(lstat, stat) STAT(stat64, stat64) STAT(lstat64, stat64)
STATAT(fstatat, stat) STATAT(fstatat64, stat64)

int mkdir(const char *path, mode_t mode) { USUAL(int, mkdir, const char *, mode_t); return usual(PATH(path), mode); }
int chmod(const char *path, mode_t mode) { USUAL(int, chmod, const char *, mode_t); return usual(PATH(path), mode); }
int rmdir(const char *path) { USUAL(int, rmdir, const char *); return usual(PATH(path)); }
int unlink(const char *path) { USUAL(int, unlink, const char *); return usual(PATH(path)); }
DIR *opendir(const char *path) { USUAL(DIR *, opendir, const char *); return usual(PATH(path)); }
int rename(const char *from, const char *to) {
    USUAL(int, rename, const char *, const char *); return usual(PATH(from), PATH(to));
}
int link(const char *from, const char *to) {
    USUAL(int, link, const char *, const char *); return usual(PATH(from), PATH(to));
}
int unlinkat(int at, const char *path, int flags) {
    USUAL(int, unlinkat, int, const char *, int); return usual(at, PATH(path), flags);
}
