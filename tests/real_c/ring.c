/* ring's tests are Rust's: this calls its assembly and C with published vectors. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#define C(name) ring_core_0_17_14__##name

extern void C(sha256_block_data_order_nohw)(uint32_t *, const uint8_t *, size_t);
extern void C(sha256_block_data_order_ssse3)(uint32_t *, const uint8_t *, size_t);
extern void C(sha512_block_data_order_nohw)(uint64_t *, const uint8_t *, size_t);
struct key { uint32_t rounds[60]; unsigned count; };
extern int C(aes_nohw_set_encrypt_key)(const uint8_t *, unsigned, struct key *);
extern void C(aes_nohw_encrypt)(const uint8_t *, uint8_t *, const struct key *);
extern int C(vpaes_set_encrypt_key)(const uint8_t *, int, struct key *);
extern void C(vpaes_ctr32_encrypt_blocks)(const uint8_t *, uint8_t *, size_t, const struct key *, const uint8_t *);
extern void C(aes_nohw_ctr32_encrypt_blocks)(const uint8_t *, uint8_t *, size_t, const struct key *, const uint8_t *);
extern void C(ChaCha20_ctr32_nohw)(uint8_t *, const uint8_t *, size_t, const uint32_t *, const uint32_t *);
extern void C(ChaCha20_ctr32_ssse3_4x)(uint8_t *, const uint8_t *, size_t, const uint32_t *, const uint32_t *);
extern void C(x25519_scalar_mult_generic_masked)(uint8_t *, const uint8_t *, const uint8_t *);
extern void C(x25519_public_from_private_generic_masked)(uint8_t *, const uint8_t *, int);
extern int C(CRYPTO_memcmp)(const void *, const void *, size_t);

static void show(const char *what, const void *data, size_t size)
{
    printf("%s ", what);
    for (size_t i = 0; i < size; i++)
        printf("%02x", ((const uint8_t *)data)[i]);
    printf("\n");
}

static void words(const char *what, const uint32_t *state, int count)
{
    printf("%s ", what);
    for (int i = 0; i < count; i++)
        printf("%08x", state[i]);
    printf("\n");
}

int main(void)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t block[128] = {'a', 'b', 'c', 0x80};
    uint32_t state[8];
    block[63] = 24;
    memcpy(state, start, sizeof state);
    C(sha256_block_data_order_nohw)(state, block, 1);
    words("sha256", state, 8);
    memcpy(state, start, sizeof state);
    C(sha256_block_data_order_ssse3)(state, block, 1);
    words("sha256", state, 8);
    uint64_t wide[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    block[63] = 0, block[127] = 24;
    C(sha512_block_data_order_nohw)(wide, block, 1);
    printf("sha512 %016llx %016llx\n", (unsigned long long)wide[0], (unsigned long long)wide[7]);

    uint8_t raw[32], in[160], out[160], other[160], counter[16] = {9};
    for (int i = 0; i < 160; i++)
        in[i] = i * 17;
    for (int i = 0; i < 32; i++)
        raw[i] = i;
    struct key key = {0}, vector = {0};
    for (int i = 0; i < 16; i++)
        out[i] = i * 0x11;
    C(aes_nohw_set_encrypt_key)(raw, 256, &key);
    C(aes_nohw_encrypt)(out, out, &key);
    show("aes256", out, 16);
    C(vpaes_set_encrypt_key)(raw, 256, &vector);
    C(aes_nohw_ctr32_encrypt_blocks)(in, out, 10, &key, counter);
    C(vpaes_ctr32_encrypt_blocks)(in, other, 10, &vector, counter);
    show("ctr", out, 160);
    printf("same %d\n", C(CRYPTO_memcmp)(out, other, 160));

    uint32_t words_of_key[8], nonce[4] = {1, 0x09000000, 0x4a000000, 0};
    for (int i = 0; i < 8; i++)
        words_of_key[i] = (4 * i) | (4 * i + 1) << 8 | (4 * i + 2) << 16 | (uint32_t)(4 * i + 3) << 24;
    memset(in, 0, sizeof in);
    C(ChaCha20_ctr32_nohw)(out, in, 160, words_of_key, nonce);
    C(ChaCha20_ctr32_ssse3_4x)(other, in, 160, words_of_key, nonce);
    show("chacha20", out, 64);
    printf("same %d\n", C(CRYPTO_memcmp)(out, other, 160));

    uint8_t left[32], right[32], one[32], two[32];
    for (int i = 0; i < 32; i++)
        left[i] = i * 7 + 1, right[i] = 255 - i * 5;
    left[0] &= 248, left[31] &= 127, left[31] |= 64, right[0] &= 248, right[31] &= 127, right[31] |= 64;
    C(x25519_public_from_private_generic_masked)(one, left, 0);
    C(x25519_public_from_private_generic_masked)(two, right, 0);
    C(x25519_scalar_mult_generic_masked)(out, left, two);
    C(x25519_scalar_mult_generic_masked)(other, right, one);
    show("x25519", out, 32);
    printf("same %d\n", C(CRYPTO_memcmp)(out, other, 32));
    return 0;
}
