/* The contents of a test image, known to the driver that writes it and to the client that checks it.
 *
 * Base64 text: 12 decimal digits (the image's number), then a pseudo-random text of period PERIOD, then the last
 * quantum, "AAAA", "AAA=" or "AA==" as the size asks. PERIOD is no divisor of any power of two, so that exchanged
 * or repeated blocks of a server's buffers are seen. The same text in lines of LINE characters has the period
 * LINED_PERIOD. */
#ifndef PATTERN_H
#define PATTERN_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LINE = 72, ROWS = 911, PERIOD = LINE * ROWS, LINED_PERIOD = (LINE + 1) * ROWS, SEQ_CHARS = 12 };
enum { BLOCK = 256 * 1024 }; /* any block up to this long is contiguous in the two buffers below */

static char plain_text[PERIOD + BLOCK];
static char lined_text[LINED_PERIOD + BLOCK];

static const char base64_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void pattern_init(void)
{
    uint32_t x = 2463534242u;
    for (size_t i = 0; i < PERIOD; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        plain_text[i] = base64_chars[x >> 26];
    }
    for (size_t i = PERIOD; i < sizeof plain_text; i++) plain_text[i] = plain_text[i - PERIOD];
    for (size_t i = 0; i < sizeof lined_text; i++) {
        size_t row = i / (LINE + 1) % ROWS, column = i % (LINE + 1);
        lined_text[i] = column == LINE ? '\n' : plain_text[row * LINE + column];
    }
}

/* Characters of base64 for so many bytes. */
static inline size_t encoded_length(size_t size) { return (size + 2) / 3 * 4; }

/* Offset in the text with line breaks of the n-th character of base64. */
static inline size_t lined_offset(size_t n) { return n / LINE * (LINE + 1) + n % LINE; }

/* The last four characters. */
static inline const char *last_quantum(size_t size)
{
    return size % 3 == 0 ? "AAAA" : size % 3 == 2 ? "AAA=" : "AA==";
}
#endif
