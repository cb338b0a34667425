/* As much of C's as the test programs use, where no Windows SDK is. */
#pragma once
#include <stddef.h>
typedef struct FILE FILE;
FILE *__acrt_iob_func(unsigned which);
#define stdout __acrt_iob_func(1)
#define stderr __acrt_iob_func(2)
int printf(const char *format, ...);
int fprintf(FILE *stream, const char *format, ...);
