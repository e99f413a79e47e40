/* Preloaded into a server, notes how to take back each write that no fsync has made durable, so that a power cut can be had after a kill.
 *
 * Each file below POWERCUT_DATA that is written to gets a file in POWERCUT_UNDO, named by its inode and birth, which holds what stood where it was written and
 * how long it was. An fsync of the file makes its notes void. Whoever cuts the power kills the server, and puts back what the notes say, newest first.
 * While POWERCUT_FULL is there, the disk is full. Names and directories count as durable at once, and so does what libc writes from its own buffers.
 *
 * Any number of processes and threads write one file: flock on its notes makes a note and its write one step. A note counts when the header says so, so
 * that one cut off in the middle is as if it had never been begun.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8, "the system calls below pass offsets in one register");

/* Changes with the format of the notes. */
#define MAGIC UINT64_C(0x3154554352574f50)
/* Writes of so few bytes find no room at all on a full disk; of longer ones a half does. */
#define SLIVER 16

struct header {
    uint64_t magic;
    /* Changes when the notes begin anew. */
    uint64_t epoch;
    /* Where the notes that count end. */
    uint64_t end;
    /* Up to where they are void. */
    uint64_t synced;
};

struct note {
    uint64_t offset;
    uint64_t old_size;
    uint64_t length;
};

/* The notes of a file, locked. */
struct notes {
    int fd;
    struct header header;
};

static char data[PATH_MAX], undo[PATH_MAX], full[PATH_MAX];

static ssize_t pread_raw(int fd, void *bytes, size_t length, off_t offset) { return syscall(SYS_pread64, fd, bytes, length, offset); }
static ssize_t pwrite_raw(int fd, const void *bytes, size_t length, off_t offset) { return syscall(SYS_pwrite64, fd, bytes, length, offset); }

/* A note that is not taken would be a promise that is not tested. */
__attribute__((noreturn)) static void give_up(const char *what) {
    char line[256];
    int length = snprintf(line, sizeof line, "powercut: could not %s: %s\n", what, strerror(errno));
    syscall(SYS_write, STDERR_FILENO, line, length);
    abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *at = getenv("POWERCUT_DATA"), *to = getenv("POWERCUT_UNDO"), *flag = getenv("POWERCUT_FULL");
    if (!at || !to || !flag || !realpath(at, data)) {
        errno = EINVAL;
        give_up("find POWERCUT_DATA, POWERCUT_UNDO and POWERCUT_FULL");
    }
    snprintf(undo, sizeof undo, "%s", to);
    snprintf(full, sizeof full, "%s", flag);
}

/* Whether `fd` is a regular file below the data directory. */
static int is_ours(int fd, struct stat *file) {
    char link[64], path[PATH_MAX];
    if (!*data || fstat(fd, file) != 0 || !S_ISREG(file->st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    size_t prefix = strlen(data);
    return length > (ssize_t)prefix && memcmp(path, data, prefix) == 0 && path[prefix] == '/';
}

static void lock(int fd, int how) {
    while (flock(fd, how) != 0)
        if (errno != EINTR) give_up("lock the notes");
}

/* Opens the notes of `fd` and locks them, made if `create` says so; a file of which nothing was ever noted has none, and `fd` is negative then. */
static struct notes open_notes(int fd, int create) {
    struct statx file;
    char path[PATH_MAX + 64];
    struct notes notes = {-1, {0, 0, 0, 0}};
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &file) != 0) give_up("look at a file");
    /* An inode is used again by another file; its birth tells them apart. */
    snprintf(path, sizeof path, "%s/%llu-%lld.%09u", undo, (unsigned long long)file.stx_ino, (long long)file.stx_btime.tv_sec, file.stx_btime.tv_nsec);
    notes.fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | create | O_CLOEXEC, 0600);
    if (notes.fd < 0 && !create && errno == ENOENT) return notes;
    if (notes.fd < 0) give_up("open the notes of a file");
    lock(notes.fd, LOCK_EX);
    ssize_t length = pread_raw(notes.fd, &notes.header, sizeof notes.header, 0);
    if (length < 0) give_up("read the notes of a file");
    if (length < (ssize_t)sizeof notes.header || notes.header.magic != MAGIC)
        notes.header = (struct header){MAGIC, 0, sizeof notes.header, sizeof notes.header};
    return notes;
}

static void close_notes(struct notes *notes) { syscall(SYS_close, notes->fd); }

static void keep_header(struct notes *notes) {
    if (pwrite_raw(notes->fd, &notes->header, sizeof notes->header, 0) != sizeof notes->header) give_up("keep the notes of a file");
}

/* What stands in `fd` from `offset` on, read though it may be open for writing alone. */
static char *read_old(int fd, off_t offset, size_t length) {
    char link[64], *bytes = malloc(length);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int reader = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
    if (!bytes || reader < 0) give_up("read what will be written over");
    for (size_t done = 0; done < length;) {
        ssize_t got = pread_raw(reader, bytes + done, length - done, offset + (off_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) give_up("read what will be written over");
        done += (size_t)got;
    }
    syscall(SYS_close, reader);
    return bytes;
}

/* Notes that `length` bytes from `offset` on are about to change in a file of `size` bytes. */
static void take_note(struct notes *notes, int fd, off_t size, off_t offset, size_t length) {
    size_t there = offset >= size ? 0 : (size_t)(size - offset);
    struct note note = {(uint64_t)offset, (uint64_t)size, there < length ? there : length};
    char *old = note.length ? read_old(fd, offset, note.length) : NULL;
    struct iovec parts[2] = {{&note, sizeof note}, {old, note.length}};
    ssize_t whole = (ssize_t)(sizeof note + note.length);
    if (syscall(SYS_pwritev, notes->fd, parts, 2, notes->header.end, 0) != whole) give_up("note what will be written over");
    free(old);
    notes->header.end += (uint64_t)whole;
    keep_header(notes);
}

static int is_full(void) { return access(full, F_OK) == 0; }

/* Writes once: at `at`, or where the file stands when that is negative. */
static ssize_t put(int fd, const struct iovec *parts, int count, off_t at) {
    return at < 0 ? syscall(SYS_writev, fd, parts, count) : syscall(SYS_pwritev, fd, parts, count, at, 0);
}

static ssize_t tracked_write(int fd, const struct iovec *parts, int count, off_t at) {
    struct stat file;
    int kept = errno;
    if (!is_ours(fd, &file)) {
        errno = kept;
        return put(fd, parts, count, at);
    }
    size_t length = 0;
    for (int part = 0; part < count; part++) length += parts[part].iov_len;
    struct iovec half;
    if (is_full()) {
        if (length <= SLIVER || parts[0].iov_len <= SLIVER) {
            errno = ENOSPC;
            return -1;
        }
        half = (struct iovec){parts[0].iov_base, parts[0].iov_len / 2};
        parts = &half, count = 1, length = half.iov_len;
    }
    int flags = fcntl(fd, F_GETFL);
    struct notes notes = open_notes(fd, O_CREAT);
    /* Anew, because somebody may have written before the lock was had. */
    if (fstat(fd, &file) != 0) give_up("look at a file");
    off_t offset = flags & O_APPEND ? file.st_size : at < 0 ? lseek(fd, 0, SEEK_CUR) : at;
    /* What is written through is durable when it returns. */
    if (!(flags & O_DSYNC)) take_note(&notes, fd, file.st_size, offset, length);
    errno = kept;
    ssize_t written = put(fd, parts, count, at);
    kept = errno;
    close_notes(&notes);
    errno = kept;
    return written;
}

/* Makes `fd` durable by the system call `how`, and its notes up to now void when that has succeeded. */
static int tracked_sync(int fd, long how) {
    struct stat file;
    int kept = errno;
    if (!is_ours(fd, &file)) {
        errno = kept;
        return (int)syscall(how, fd);
    }
    struct notes notes = open_notes(fd, 0);
    struct header before = notes.header;
    int is_clean = notes.fd < 0 || before.end == sizeof before;
    if (notes.fd >= 0) close_notes(&notes);
    errno = kept;
    /* Nothing was written since the last time. The disk need not be asked: a server that starts would ask it of every file it has. */
    if (is_clean) return 0;
    int outcome = (int)syscall(how, fd);
    kept = errno;
    if (outcome == 0) {
        notes = open_notes(fd, 0);
        if (notes.fd < 0) give_up("find the notes of a file again");
        /* In another epoch somebody else's fsync, begun later, has made them void already. */
        if (notes.header.epoch == before.epoch && notes.header.synced < before.end) {
            notes.header.synced = before.end;
            if (notes.header.end == before.end)
                notes.header = (struct header){MAGIC, before.epoch + 1, sizeof notes.header, sizeof notes.header};
            keep_header(&notes);
            if (notes.header.end == sizeof notes.header && ftruncate(notes.fd, sizeof notes.header) != 0) give_up("shorten the notes of a file");
        }
        close_notes(&notes);
    }
    errno = kept;
    return outcome;
}

static int tracked_truncate(int fd, off_t size) {
    struct stat file;
    int kept = errno;
    if (!is_ours(fd, &file)) {
        errno = kept;
        return (int)syscall(SYS_ftruncate, fd, size);
    }
    struct notes notes = open_notes(fd, O_CREAT);
    if (fstat(fd, &file) != 0) give_up("look at a file");
    size_t gone = size < file.st_size ? (size_t)(file.st_size - size) : 0;
    take_note(&notes, fd, file.st_size, size, gone);
    errno = kept;
    int outcome = (int)syscall(SYS_ftruncate, fd, size);
    kept = errno;
    close_notes(&notes);
    errno = kept;
    return outcome;
}

static int tracked_allocate(int fd, int mode, off_t offset, off_t length) {
    struct stat file;
    int kept = errno;
    if (!is_ours(fd, &file)) {
        errno = kept;
        return (int)syscall(SYS_fallocate, fd, mode, offset, length);
    }
    if (is_full()) {
        errno = ENOSPC;
        return -1;
    }
    struct notes notes = open_notes(fd, O_CREAT);
    if (fstat(fd, &file) != 0) give_up("look at a file");
    /* Only what punches holes or writes zeros changes bytes that are there. */
    take_note(&notes, fd, file.st_size, offset, mode & ~1 ? (size_t)length : 0);
    errno = kept;
    int outcome = (int)syscall(SYS_fallocate, fd, mode, offset, length);
    kept = errno;
    close_notes(&notes);
    errno = kept;
    return outcome;
}

/* Opens, and empties through the notes what would be emptied beside them. */
static int tracked_open(int dir, const char *path, int flags, mode_t mode) {
    int fd = (int)syscall(SYS_openat, dir, path, flags & ~O_TRUNC, mode);
    struct stat file;
    if (fd >= 0 && flags & O_TRUNC && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0 && tracked_truncate(fd, 0) != 0) {
        int kept = errno;
        syscall(SYS_close, fd);
        errno = kept;
        return -1;
    }
    return fd;
}

/* --- What the servers call. ------------------------------------------------------------------------------------------------------------ */

ssize_t write(int fd, const void *bytes, size_t length) { return tracked_write(fd, &(struct iovec){(void *)bytes, length}, 1, -1); }
ssize_t writev(int fd, const struct iovec *parts, int count) { return tracked_write(fd, parts, count, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    if (at < 0) return pwrite_raw(fd, bytes, length, at);
    return tracked_write(fd, &(struct iovec){(void *)bytes, length}, 1, at);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    if (at < 0) return syscall(SYS_pwritev, fd, parts, count, at, 0);
    return tracked_write(fd, parts, count, at);
}

int fsync(int fd) { return tracked_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return tracked_sync(fd, SYS_fdatasync); }

int ftruncate(int fd, off_t size) { return tracked_truncate(fd, size); }
int truncate(const char *path, off_t size) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0) return -1;
    int outcome = tracked_truncate(fd, size), kept = errno;
    syscall(SYS_close, fd);
    errno = kept;
    return outcome;
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return tracked_allocate(fd, mode, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) {
    int kept = errno, outcome = tracked_allocate(fd, 0, offset, length) == 0 ? 0 : errno;
    errno = kept;
    return outcome;
}

#define MODE_OF(flags, mode)                               \
    mode_t mode = 0;                                       \
    if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) { \
        va_list rest;                                      \
        va_start(rest, flags);                             \
        mode = va_arg(rest, mode_t);                       \
        va_end(rest);                                      \
    }
int open(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return tracked_open(AT_FDCWD, path, flags, mode);
}
int openat(int dir, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return tracked_open(dir, path, flags, mode);
}
int creat(const char *path, mode_t mode) { return tracked_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

#ifdef __GLIBC__
/* What the same are called in programs built for large files, and in those built to check themselves. */
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { return pwrite(fd, bytes, length, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) { return pwritev(fd, parts, count, at); }
int ftruncate64(int fd, off_t size) { return tracked_truncate(fd, size); }
int truncate64(const char *path, off_t size) { return truncate(path, size); }
int fallocate64(int fd, int mode, off_t offset, off_t length) { return tracked_allocate(fd, mode, offset, length); }
int posix_fallocate64(int fd, off_t offset, off_t length) { return posix_fallocate(fd, offset, length); }
int open64(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return tracked_open(AT_FDCWD, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return tracked_open(dir, path, flags, mode);
}
int __open_2(const char *path, int flags) { return tracked_open(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return tracked_open(AT_FDCWD, path, flags, 0); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }
#endif
