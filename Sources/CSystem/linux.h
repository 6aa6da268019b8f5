// What Linux has and Swift's Glibc module does not show: epoll, eventfd, signalfd, and the calls
// whose C signatures Swift cannot call. No logic lives here.
//
// _GNU_SOURCE must never be defined in this header: a clean build then fails over types that two
// modules define differently, and the next build hides it.
#ifndef WEIR_LINUX_H
#define WEIR_LINUX_H

#include <elf.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static inline int weir_accept4(int fd, struct sockaddr *address, socklen_t *length) {
  return (int)syscall(__NR_accept4, fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

// The three calls of the data path, without what glibc's own do so that a thread can be cancelled in
// them: two locked instructions each.
static inline long weir_recv(int fd, void *buffer, unsigned long count) {
  return syscall(__NR_recvfrom, fd, buffer, count, 0, (void *)0, (void *)0);
}

static inline long weir_send(int fd, const void *bytes, unsigned long count) {
  return syscall(__NR_sendto, fd, bytes, count, MSG_NOSIGNAL, (void *)0, 0);
}

static inline int weir_epoll_wait(int poller, struct epoll_event *events, int most, int timeout) {
  return (int)syscall(__NR_epoll_pwait, poller, events, most, timeout, (void *)0, 0);
}

static inline int weir_epoll_pwait2(int poller, struct epoll_event *events, int most,
                                    unsigned long long nanoseconds) {
  struct timespec timeout = {(time_t)(nanoseconds / 1000000000ull),
                             (long)(nanoseconds % 1000000000ull)};
  return (int)syscall(441 /* epoll_pwait2, on every architecture */, poller, events, most,
                      &timeout, (void *)0, 0);
}

// Asks for cache lines, to be written to. Never faults, whatever the address.
static inline void weir_prefetch(const void *address, unsigned long lines) {
#pragma clang loop unroll(disable)
  for (unsigned long line = 0; line < lines; line++)
    __builtin_prefetch((const char *)address + 64 * line, 1, 3);
}

// One byte with `count` descriptors beside it; the macros of <sys/socket.h> do not reach Swift.
static inline long weir_send_descriptors(int socket, const int *descriptors, int count) {
  char byte = 'd';
  struct iovec body = {&byte, 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int) * 64)];
    struct cmsghdr align;
  } control = {{0}};
  struct msghdr message = {0};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * count);
  __builtin_memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

// At most 64 descriptors; returns how many came, 0 at the peer's end, -1 with errno.
static inline int weir_receive_descriptors(int socket, int *descriptors) {
  char byte;
  struct iovec body = {&byte, 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int) * 64)];
    struct cmsghdr align;
  } control;
  struct msghdr message = {0};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  long received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (received <= 0) return (int)received;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return 0;
  int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  __builtin_memcpy(descriptors, CMSG_DATA(header), sizeof(int) * count);
  return count;
}

// No program that this process starts may gain privileges. Irrevocable.
static inline int weir_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

// Gives up all capabilities but those of `kept`, a bit each, as far as they were there. It concerns
// the calling thread and those that it starts later.
static inline int weir_keep_capabilities(unsigned long long kept) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(__NR_capget, &header, data) != 0) return -1;
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int part = 0; part < 2; part++) {
    unsigned mask = (unsigned)(kept >> (32 * part));
    data[part].effective &= mask;
    data[part].permitted &= mask;
    data[part].inheritable = 0;
  }
  return (int)syscall(__NR_capset, &header, data);
}

static inline int weir_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

static inline int weir_set_affinity(int cpu) {
  unsigned long mask[16] = {0};
  mask[cpu >> 6] |= 1ul << (cpu & 63);
  return (int)syscall(__NR_sched_setaffinity, 0, sizeof mask, mask);
}

#endif
