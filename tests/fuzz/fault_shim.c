// Calls of the C library that fail, or kill the process, when they are made for the n-th time. Loaded by LD_PRELOAD; it
// does nothing until `fault_begin` is called. Linux with glibc.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN, READ, WRITE, FSYNC, RENAME, REMOVE, MMAP, ALLOCATE, KINDS };

#define OWNER 16  // behind the counts: the library that made the allocation that failed

static volatile int counting = 0;
static int failing = -1, error = 0, lasting = 0;
static long at = 0;
static size_t least = 0;       // bytes of an allocation that counts
static long* counts = NULL;    // shared with processes that were forked off: calls of each kind, faults, and those spared

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

// Where calls are counted; before any fork.
long* fault_counts(void) {
    if (!counts)
        counts = (long*)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0L);
    return counts;
}

// From now on calls are counted, and the n-th of a kind fails with an error (0: it kills), and all later ones where it
// lasts. kind: -1 for none.
void fault_begin(int kind, long n, int number, int lasts, size_t bytes) {
    failing = kind, at = n, error = number, lasting = lasts, least = bytes;
    counting = 1;
}

void fault_end(void) { counting = 0; }

static int strikes(int kind) {
    if (!counting) return 0;
    const long n = __atomic_add_fetch(&counts[kind], 1, __ATOMIC_RELAXED);
    if (kind != failing || n < at || (n > at && !lasting)) return 0;
    __atomic_add_fetch(&counts[KINDS], 1, __ATOMIC_RELAXED);
    if (!error) {
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;) pause();
    }
    errno = error;
    return 1;
}

static int is_file(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

// ---- open

static int open_at(int folder, const char* path, int flags, mode_t mode) {
    if (strikes(OPEN)) return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define MODE(flags)                             \
    mode_t mode = 0;                            \
    if ((flags) & (O_CREAT | O_TMPFILE)) {      \
        va_list rest;                           \
        va_start(rest, flags);                  \
        mode = (mode_t)va_arg(rest, int);       \
        va_end(rest);                           \
    }

int open(const char* path, int flags, ...) {
    MODE(flags)
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
    MODE(flags)
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
    MODE(flags)
    return open_at(folder, path, flags, mode);
}

int openat64(int folder, const char* path, int flags, ...) {
    MODE(flags)
    return open_at(folder, path, flags, mode);
}

int mkdir(const char* path, mode_t mode) { return strikes(OPEN) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode); }

DIR* opendir(const char* path) {
    if (strikes(OPEN)) return NULL;
    return ((DIR * (*)(const char*)) dlsym(RTLD_NEXT, "opendir"))(path);
}

FILE* fopen(const char* path, const char* mode) {
    if (strikes(OPEN)) return NULL;
    return ((FILE * (*)(const char*, const char*)) dlsym(RTLD_NEXT, "fopen"))(path, mode);
}

FILE* fopen64(const char* path, const char* mode) {
    if (strikes(OPEN)) return NULL;
    return ((FILE * (*)(const char*, const char*)) dlsym(RTLD_NEXT, "fopen64"))(path, mode);
}

// ---- read

static int read_fails(int fd) { return counting && is_file(fd) && strikes(READ); }

ssize_t read(int fd, void* bytes, size_t size) { return read_fails(fd) ? -1 : syscall(SYS_read, fd, bytes, size); }

ssize_t pread64(int fd, void* bytes, size_t size, off64_t place) {
    return read_fails(fd) ? -1 : syscall(SYS_pread64, fd, bytes, size, place);
}

ssize_t pread(int fd, void* bytes, size_t size, off_t place) { return pread64(fd, bytes, size, place); }

ssize_t preadv64(int fd, const struct iovec* parts, int count, off64_t place) {
    return read_fails(fd) ? -1 : syscall(SYS_preadv, fd, parts, count, place, 0L);
}

ssize_t preadv(int fd, const struct iovec* parts, int count, off_t place) { return preadv64(fd, parts, count, place); }

ssize_t preadv64v2(int fd, const struct iovec* parts, int count, off64_t place, int flags) {
    return read_fails(fd) ? -1 : syscall(SYS_preadv2, fd, parts, count, place, 0L, flags);
}

ssize_t preadv2(int fd, const struct iovec* parts, int count, off_t place, int flags) {
    return preadv64v2(fd, parts, count, place, flags);
}

// ---- write: half of it is done when the process is killed

static int write_fails(int fd, const void* bytes, size_t size) {
    if (!counting || !is_file(fd)) return 0;
    if (failing == WRITE && !error && counts[WRITE] + 1 == at) syscall(SYS_write, fd, bytes, size / 2);
    return strikes(WRITE);
}

ssize_t write(int fd, const void* bytes, size_t size) {
    return write_fails(fd, bytes, size) ? -1 : syscall(SYS_write, fd, bytes, size);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t place) {
    return write_fails(fd, bytes, 0) ? -1 : syscall(SYS_pwrite64, fd, bytes, size, place);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t place) { return pwrite64(fd, bytes, size, place); }

ssize_t writev(int fd, const struct iovec* parts, int count) {
    return write_fails(fd, NULL, 0) ? -1 : syscall(SYS_writev, fd, parts, count);
}

int ftruncate64(int fd, off64_t size) { return write_fails(fd, NULL, 0) ? -1 : (int)syscall(SYS_ftruncate, fd, size); }

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

// ---- fsync, rename, remove

int fsync(int fd) { return strikes(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd); }

int fdatasync(int fd) { return strikes(FSYNC) ? -1 : (int)syscall(SYS_fdatasync, fd); }

int renameat2(int from, const char* a, int to, const char* b, unsigned flags) {
    return strikes(RENAME) ? -1 : (int)syscall(SYS_renameat2, from, a, to, b, flags);
}

int renameat(int from, const char* a, int to, const char* b) { return renameat2(from, a, to, b, 0); }

int rename(const char* a, const char* b) { return renameat2(AT_FDCWD, a, AT_FDCWD, b, 0); }

int unlinkat(int folder, const char* path, int flags) {
    return strikes(REMOVE) ? -1 : (int)syscall(SYS_unlinkat, folder, path, flags);
}

int unlink(const char* path) { return unlinkat(AT_FDCWD, path, 0); }

int rmdir(const char* path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

// ---- memory

void* mmap(void* place, size_t size, int protection, int flags, int fd, off_t start) {
    if (strikes(MMAP)) return MAP_FAILED;
    return (void*)syscall(SYS_mmap, place, size, protection, flags, fd, start);
}

void* mmap64(void* place, size_t size, int protection, int flags, int fd, off64_t start) {
    return mmap(place, size, protection, flags, fd, start);
}

// Whether an allocation is made by Arrow, which ends the process where there is no memory for its small things: all that
// an error would show is what a kill shows.
static int is_of_arrow(void) {
    void* frames[12];
    Dl_info found;
    const int count = backtrace(frames, 12);
    for (int i = 2; i < count; ++i)
        if (dladdr(frames[i], &found) && !strstr(found.dli_fname, "libstdc++") && !strstr(found.dli_fname, "shim")) {
            strncpy((char*)(counts + OWNER), found.dli_fname, 1000);  // whose it is
            return strstr(found.dli_fname, "pyarrow") != NULL;
        }
    return 0;
}

static int allocation_fails(size_t size) {
    if (!counting || size < least) return 0;
    if (failing == ALLOCATE && error && counts[ALLOCATE] + 1 == at) {
        counting = 0;
        const int ours = !is_of_arrow();
        counting = 1;
        if (!ours) {
            ++counts[ALLOCATE];
            ++counts[KINDS + 1];
            return 0;
        }
    }
    return strikes(ALLOCATE);
}

void* malloc(size_t size) { return allocation_fails(size) ? NULL : __libc_malloc(size); }

void* calloc(size_t count, size_t size) {
    return allocation_fails(count * size) ? NULL : __libc_calloc(count, size);
}

void* realloc(void* old, size_t size) { return allocation_fails(size) ? NULL : __libc_realloc(old, size); }

void* aligned_alloc(size_t alignment, size_t size) {
    return allocation_fails(size) ? NULL : __libc_memalign(alignment, size);
}

void* memalign(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }

int posix_memalign(void** out, size_t alignment, size_t size) {
    void* found = aligned_alloc(alignment, size);
    if (!found) return ENOMEM;
    *out = found;
    return 0;
}
