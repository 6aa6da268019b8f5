// What Linux has and Swift's Glibc module does not show: epoll, eventfd, signalfd, and the calls
// whose C signatures Swift cannot call. No logic lives here.
//
// _GNU_SOURCE must never be defined in this header: a clean build then fails over types that two
// modules define differently, and the next build hides it.
#ifndef WEIR_LINUX_H
#define WEIR_LINUX_H

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline int weir_accept4(int fd, struct sockaddr *address, socklen_t *length) {
  return (int)syscall(__NR_accept4, fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline int weir_epoll_pwait2(int poller, struct epoll_event *events, int most,
                                    unsigned long long nanoseconds) {
  struct timespec timeout = {(time_t)(nanoseconds / 1000000000ull),
                             (long)(nanoseconds % 1000000000ull)};
  return (int)syscall(441 /* epoll_pwait2, on every architecture */, poller, events, most,
                      &timeout, (void *)0, 0);
}

static inline int weir_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

static inline int weir_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

static inline int weir_set_affinity(int cpu) {
  unsigned long mask[16] = {0};
  mask[cpu >> 6] |= 1ul << (cpu & 63);
  return (int)syscall(__NR_sched_setaffinity, 0, sizeof mask, mask);
}

#endif
