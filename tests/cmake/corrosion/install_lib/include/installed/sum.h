#include <stdint.h>

#ifdef __cplusplus
extern "C"
#endif
uint64_t installed_sum(uint64_t left, uint64_t right);
