/* Preloaded into a process, writes down in one order all that it does to the files of one directory, so that the
 * directory can be rebuilt as a power cut at any moment may leave it. Format: see log.rs.
 *
 * POWER_CUT_DIRECTORY: the directory, absolute, without a slash at its end. POWER_CUT_LOG: where to write. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define FDS 1024
#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char names[FDS][64]; /* of open files, relative to the directory; "." is the directory itself */
static int log_fd = -1;
static uint64_t syncs;

static void put(const void *data, size_t len) {
    REAL(ssize_t, "write", int, const void *, size_t);
    while (len > 0) {
        ssize_t written = real(log_fd, data, len);
        if (written <= 0) abort(); /* a gap in the log would make every answer worthless */
        data = (const char *)data + written;
        len -= (size_t)written;
    }
}

/* Call with the lock held. */
static void record(char what, const char *name, uint64_t number, const void *data, uint64_t len) {
    uint8_t name_len = (uint8_t)strlen(name);
    put(&what, 1);
    put(&name_len, 1);
    put(name, name_len);
    put(&number, 8);
    put(&len, 8);
    put(data, len);
}

/* The name of a path within the directory, "." for the directory itself, or NULL. */
static const char *inside(const char *path, char *full) {
    const char *directory = getenv("POWER_CUT_DIRECTORY");
    if (!directory || !path || !realpath(path, full)) {
        /* A file that is not there (yet): its directory is. */
        const char *slash = path ? strrchr(path, '/') : NULL;
        char parent[PATH_MAX];
        if (!directory || !slash || slash - path >= PATH_MAX || strlen(slash) > 64) return NULL;
        memcpy(parent, path, (size_t)(slash - path));
        parent[slash - path] = 0;
        if (!realpath(parent, full) || strlen(full) + 66 > PATH_MAX) return NULL;
        strcat(full, slash);
    }
    size_t len = strlen(directory);
    if (strncmp(full, directory, len) != 0) return NULL;
    if (full[len] == 0) return ".";
    return full[len] == '/' && strlen(full + len + 1) < 64 ? full + len + 1 : NULL;
}

static const char *name_of(int fd) {
    return fd >= 0 && fd < FDS && names[fd][0] ? names[fd] : NULL;
}

static int opened(int (*open_it)(const char *, int, ...), const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    pthread_mutex_lock(&lock);
    if (log_fd < 0 && getenv("POWER_CUT_LOG"))
        log_fd = open_it(getenv("POWER_CUT_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const char *name = inside(path, full);
    int is_new = (flags & O_CREAT) && access(path, F_OK) != 0;
    int fd = open_it(path, flags, mode);
    int saved = errno;
    if (fd >= 0 && fd < FDS) names[fd][0] = 0;
    if (fd >= 0 && name) {
        if (fd >= FDS || log_fd < 0) abort();
        strcpy(names[fd], name);
        if (is_new) record('C', name, 0, "", 0);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return fd;
}

#define OPEN(function) \
    int function(const char *path, int flags, ...) { \
        REAL(int, #function, const char *, int, ...); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return opened(real, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    REAL(int, "close", int);
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FDS) names[fd][0] = 0;
    int result = real(fd);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

/* Writes and truncations take place under the lock: their order in the log is the order in which they happened. */
#define UNDER_LOCK(act, what, number, data, len) \
    pthread_mutex_lock(&lock); \
    ssize_t result = act; \
    int saved = errno; \
    if (result >= 0 && name_of(fd)) record(what, name_of(fd), number, data, len); \
    pthread_mutex_unlock(&lock); \
    errno = saved; \
    return result

ssize_t write(int fd, const void *data, size_t len) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (!name_of(fd)) return real(fd, data, len);
    off_t at = lseek(fd, 0, SEEK_CUR);
    UNDER_LOCK(real(fd, data, len), 'W', (uint64_t)at, data, (uint64_t)result);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    UNDER_LOCK(real(fd, data, len, at), 'W', (uint64_t)at, data, (uint64_t)result);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    UNDER_LOCK(real(fd, data, len, at), 'W', (uint64_t)at, data, (uint64_t)result);
}

static int truncated(int (*real)(int, off64_t), int fd, off64_t len) {
    UNDER_LOCK(real(fd, len), 'T', (uint64_t)len, "", 0);
}

int ftruncate(int fd, off_t len) {
    REAL(int, "ftruncate", int, off64_t);
    return truncated(real, fd, len);
}

int ftruncate64(int fd, off64_t len) {
    REAL(int, "ftruncate64", int, off64_t);
    return truncated(real, fd, len);
}

/* A sync covers what was written before it began, once it has ended. */
static int synced(int (*real)(int), int fd) {
    pthread_mutex_lock(&lock);
    uint64_t number = syncs++;
    if (name_of(fd)) record('S', name_of(fd), number, "", 0);
    pthread_mutex_unlock(&lock);
    int result = real(fd);
    int saved = errno;
    pthread_mutex_lock(&lock);
    if (result == 0 && name_of(fd)) record('E', name_of(fd), number, "", 0);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    return synced(real, fd);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return synced(real, fd);
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    char full_from[PATH_MAX], full_to[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *name = inside(from, full_from), *new_name = inside(to, full_to);
    int result = real(from, to);
    int saved = errno;
    if (result == 0 && name && new_name) record('R', name, 0, new_name, strlen(new_name));
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    char full[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *name = inside(path, full);
    int result = real(path);
    int saved = errno;
    if (result == 0 && name) record('U', name, 0, "", 0);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}
