/* Preloaded, it gives every thread of a program a timer that interrupts it a thousand times a second. The handler is asked
 * for without SA_RESTART, so each system call that can fail with EINTR may, whichever it is.
 *
 *     cc -O2 -shared -fPIC -o storm.so .github/storm.c
 *     CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="env LD_PRELOAD=$PWD/storm.so" cargo test
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* One that no test waits for or ignores. */
#define INTERRUPTION (SIGRTMIN + 7)

static void nothing(int signal) { (void)signal; }

static timer_t interrupt_this_thread(void) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = INTERRUPTION};
    event.sigev_notify_thread_id = gettid();
    struct itimerspec every_millisecond = {{0, 1000000}, {0, 1000000}};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &every_millisecond, NULL))
        abort(); /* A storm that fails in silence would prove nothing. */
    return timer;
}

struct start {
    void *(*routine)(void *);
    void *argument;
};

static void *run(void *given) {
    struct start start = *(struct start *)given;
    free(given);
    timer_t timer = interrupt_this_thread();
    void *result = start.routine(start.argument);
    timer_delete(timer);
    return result;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument) {
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    struct start *start = malloc(sizeof *start);
    if (!start)
        return EAGAIN;
    *start = (struct start){routine, argument};
    int error = create(thread, attributes, run, start);
    if (error)
        free(start);
    return error;
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_handler = nothing};
    if (sigaction(INTERRUPTION, &action, NULL))
        abort();
    interrupt_this_thread();
}
