// What the machine can do, for comparison with the engine's kernels: saturating 16-bit adds between registers, adds of
// int8 weights that are loaded and widened, and a whole accumulate kernel over lists of events.

#include <cstdint>

#if defined(__AVX512BW__)
#include <immintrin.h>
using Lanes = __m512i;
constexpr int64_t LANES = 32, HELD = 8, INDEPENDENT = 24;
static inline Lanes load(const int16_t *place) { return _mm512_loadu_si512(place); }
static inline void store(int16_t *place, Lanes value) { _mm512_storeu_si512(place, value); }
static inline Lanes add(Lanes a, Lanes b) { return _mm512_adds_epi16(a, b); }
static inline Lanes widened(const int8_t *place) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(place)));
}
#define KEEP(value) asm volatile("" : "+v"(value))
#elif defined(__AVX2__)
#include <immintrin.h>
using Lanes = __m256i;
constexpr int64_t LANES = 16, HELD = 8, INDEPENDENT = 12;
static inline Lanes load(const int16_t *place) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(place));
}
static inline void store(int16_t *place, Lanes value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(place), value);
}
static inline Lanes add(Lanes a, Lanes b) { return _mm256_adds_epi16(a, b); }
static inline Lanes widened(const int8_t *place) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(place)));
}
#define KEEP(value) asm volatile("" : "+x"(value))
#else  // what the compiler makes of vectors of 16 bytes
typedef int16_t Lanes __attribute__((vector_size(16)));
typedef int8_t Narrow __attribute__((vector_size(8)));
constexpr int64_t LANES = 8, HELD = 8, INDEPENDENT = 12;
static inline Lanes load(const int16_t *place) {
    Lanes value;
    __builtin_memcpy(&value, place, sizeof value);
    return value;
}
static inline void store(int16_t *place, Lanes value) { __builtin_memcpy(place, &value, sizeof value); }
static inline Lanes add(Lanes a, Lanes b) {
    Lanes sum;
    for (int lane = 0; lane < LANES; lane++) {
        const int32_t whole = int32_t(a[lane]) + b[lane];
        sum[lane] = int16_t(whole > INT16_MAX ? INT16_MAX : whole < INT16_MIN ? INT16_MIN : whole);
    }
    return sum;
}
static inline Lanes widened(const int8_t *place) {
    Narrow value;
    __builtin_memcpy(&value, place, sizeof value);
    return __builtin_convertvector(value, Lanes);
}
#define KEEP(value) asm volatile("" : : "m"(value))
#endif

constexpr int64_t BLOCK = LANES * HELD;  // neurons whose accumulators stay in registers

static inline void add_rows(Lanes *sums, const int8_t *weights, int64_t columns, const uint16_t *events, int64_t count) {
    for (int64_t event = 0; event < count; event++) {
        const int8_t *row = weights + events[event] * columns;
#pragma GCC unroll 8
        for (int64_t vector = 0; vector < HELD; vector++)
            sums[vector] = add(sums[vector], widened(row + vector * LANES));
    }
}

// Independent saturating adds, all in registers. Returns how many 16-bit adds were made.
extern "C" int64_t register_adds(int64_t rounds, int16_t *memory) {
    Lanes sums[INDEPENDENT], addend = load(memory);
#pragma GCC unroll 24
    for (int64_t each = 0; each < INDEPENDENT; each++) sums[each] = load(memory + each);
    for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 24
        for (int64_t each = 0; each < INDEPENDENT; each++) {
            sums[each] = add(sums[each], addend);
            KEEP(sums[each]);
        }
    }
#pragma GCC unroll 24
    for (int64_t each = 1; each < INDEPENDENT; each++) sums[0] = add(sums[0], sums[each]);
    store(memory, sums[0]);
    return rounds * INDEPENDENT * LANES;
}

// Rows of weights [source, columns] that events pick, loaded, widened and added: sums stay in registers throughout.
// columns: a multiple of BLOCK. Returns how many 16-bit adds were made.
extern "C" int64_t loaded_adds(const int8_t *weights, int64_t columns, const uint16_t *events, int64_t count,
                               int64_t rounds, int16_t *sink) {
    for (int64_t start = 0; start < columns; start += BLOCK) {
        Lanes sums[HELD];
        for (int64_t vector = 0; vector < HELD; vector++) sums[vector] = load(sink + vector * LANES);
        for (int64_t round = 0; round < rounds; round++) add_rows(sums, weights + start, columns, events, count);
        for (int64_t vector = 0; vector < HELD; vector++) store(sink + vector * LANES, sums[vector]);
    }
    return rounds * count * columns;
}

// The kernel itself: in each step its events, from pointers[step] on, reach every accumulator in order, saturating.
// sums: int16 [columns]. columns: a multiple of BLOCK. Returns how many 16-bit adds were made.
extern "C" int64_t accumulate(const int8_t *weights, int64_t columns, const int64_t *pointers, const uint16_t *events,
                              int64_t steps, int16_t *sums) {
    for (int64_t step = 0; step < steps; step++) {
        const uint16_t *listed = events + pointers[step];
        const int64_t count = pointers[step + 1] - pointers[step];
        for (int64_t start = 0; start < columns; start += BLOCK) {
            Lanes held[HELD];
            for (int64_t vector = 0; vector < HELD; vector++) held[vector] = load(sums + start + vector * LANES);
            add_rows(held, weights + start, columns, listed, count);
            for (int64_t vector = 0; vector < HELD; vector++) store(sums + start + vector * LANES, held[vector]);
        }
    }
    return (pointers[steps] - pointers[0]) * columns;
}

extern "C" int64_t block() { return BLOCK; }
