// Tells the thread sanitizer of the locks that it cannot see: Synchronization's Mutex is taken and
// released inside the sanitized code while nobody contends, but in the runtime library, which is
// not sanitized, once somebody does. These two functions take the library's place (LD_PRELOAD),
// do the same (a priority-inheriting futex that holds the owner's thread id) and say so.
#include <linux/futex.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

static int lock_call(void *word, int operation) {
  return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, 0, 0, 0, 0) == 0 ? 0 : errno;
}

// Synchronization._MutexHandle._lockSlow(Swift.UInt32) -> ()
__attribute__((swiftcall)) void lock_slow(uint32_t self_id,
                                          __attribute__((swift_context)) void *word)
    __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");

__attribute__((swiftcall)) void lock_slow(uint32_t self_id,
                                          __attribute__((swift_context)) void *word) {
  (void)self_id;
  for (;;) {
    int error = lock_call(word, FUTEX_LOCK_PI);
    if (error == 0) break;
    if (error != EINTR && error != EAGAIN) abort();
  }
  if (__tsan_acquire) __tsan_acquire(word);
}

// Synchronization._MutexHandle._unlockSlow() -> ()
__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *word)
    __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");

__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *word) {
  if (__tsan_release) __tsan_release(word);
  int error;
  while ((error = lock_call(word, FUTEX_UNLOCK_PI)) == EINTR) {}
  if (error) abort();
}
