/* A program that is started with this library in LD_PRELOAD believes that it is CLOCK_MOVED seconds later (or earlier)
   than it is. How fast time goes by stays as it is. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long moved;

__attribute__((constructor)) static void start(void) {
    const char *seconds = getenv("CLOCK_MOVED");
    moved = seconds ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += moved;
    return failed;
}
