/* As much of POSIX threads as the test programs use, by Windows' own. */
#pragma once
#include <stddef.h>

typedef struct {
    void *(*run)(void *);
    void *argument;
    void *handle;
} pthread_t;

__declspec(dllimport) void *CreateThread(void *security, size_t stack, unsigned (*run)(void *), void *argument,
                                         unsigned flags, unsigned *id);
__declspec(dllimport) unsigned WaitForSingleObject(void *handle, unsigned milliseconds);

static unsigned pthread_enter(void *thread) {
    pthread_t *own = thread;
    own->run(own->argument);
    return 0;
}

static int pthread_create(pthread_t *thread, void *attributes, void *(*run)(void *), void *argument) {
    (void)attributes;
    thread->run = run;
    thread->argument = argument;
    thread->handle = CreateThread(NULL, 0, pthread_enter, thread, 0, NULL);
    return thread->handle == NULL;
}

static int pthread_join(pthread_t thread, void **result) {
    (void)result;
    return WaitForSingleObject(thread.handle, 0xFFFFFFFFu) != 0;
}
