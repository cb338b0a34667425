/* As much of C's as the test programs use, where no Windows SDK is. */
#pragma once
#include <stddef.h>
int strcmp(const char *a, const char *b);
char *strstr(const char *text, const char *part);
size_t strlen(const char *text);
