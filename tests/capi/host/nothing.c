/* A shared library that has nothing of its own. */
typedef int nothing;
