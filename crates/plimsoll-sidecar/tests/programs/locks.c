/* Waits in each of the ways that the process collector has to tell apart; the argument says in which. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t nobody_signals = PTHREAD_COND_INITIALIZER;
pthread_barrier_t both_have_one;

static void spawn(void *(*routine)(void *), const char *name) {
    pthread_t thread;
    pthread_create(&thread, NULL, routine, NULL);
    pthread_setname_np(thread, name);
}

__attribute__((noinline)) void transfer_a_to_b(void) {
    pthread_mutex_lock(&lock_a);
    pthread_barrier_wait(&both_have_one);
    pthread_mutex_lock(&lock_b);
    pthread_mutex_unlock(&lock_b);
}

__attribute__((noinline)) void transfer_b_to_a(void) {
    pthread_mutex_lock(&lock_b);
    pthread_barrier_wait(&both_have_one);
    pthread_mutex_lock(&lock_a);
    pthread_mutex_unlock(&lock_a);
}

static void *first(void *unused) { transfer_a_to_b(); return unused; }
static void *second(void *unused) { transfer_b_to_a(); return unused; }

/* Holds the lock for 2 ms and lets it go, over and over. */
static void *in_convoy(void *unused) {
    for (;;) {
        pthread_mutex_lock(&lock_a);
        usleep(2000);
        pthread_mutex_unlock(&lock_a);
        usleep(10);
    }
    return unused;
}

static void *behind_the_hog(void *unused) {
    pthread_mutex_lock(&lock_a);
    return unused;
}

static void *at_the_condition(void *unused) {
    pthread_mutex_lock(&lock_b);
    for (;;) pthread_cond_wait(&nobody_signals, &lock_b);
    return unused;
}

static void listen_and_never_accept(int backlog) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, len);
    listen(listener, backlog);
    getsockname(listener, (struct sockaddr *)&address, &len);
    printf("%d\n", ntohs(address.sin_port));
}

int main(int count, char **words) {
    const char *what = count > 1 ? words[1] : "";
    int threads = count > 2 ? atoi(words[2]) : 1;
    pthread_barrier_init(&both_have_one, NULL, 2);
    if (!strcmp(what, "deadlock")) {
        spawn(first, "a-then-b");
        spawn(second, "b-then-a");
    } else if (!strcmp(what, "convoy")) {
        for (int i = 0; i < threads; i++) spawn(in_convoy, "convoy");
    } else if (!strcmp(what, "hog")) {
        pthread_mutex_lock(&lock_a);
        for (int i = 0; i < threads; i++) spawn(behind_the_hog, "behind");
    } else if (!strcmp(what, "condition")) {
        for (int i = 0; i < threads; i++) spawn(at_the_condition, "idle");
    } else if (!strcmp(what, "listen")) {
        listen_and_never_accept(threads);
    } else if (!strcmp(what, "fork")) {
        for (int i = 0; i < threads; i++)
            if (!fork()) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;) pause();
            }
    } else if (!strcmp(what, "leaderless")) {
        for (int i = 0; i < threads; i++) spawn(at_the_condition, "idle");
        printf("ready\n");
        fflush(stdout);
        pthread_exit(NULL);
    }
    printf("ready\n");
    fflush(stdout);
    for (;;) pause();
}
