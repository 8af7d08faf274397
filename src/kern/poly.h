/* poly: polynomials over GF(2) of degree <= 63, bit i = coefficient of x^i (docs/format.md 8). */
#ifndef KERN_POLY_H
#define KERN_POLY_H
#include "base/clock.h"
#include <stdbool.h>

int poly_degree(uint64_t p); /* -1 for 0 */
uint64_t poly_mod(uint64_t a, uint64_t m);
uint64_t poly_mulmod(uint64_t a, uint64_t b, uint64_t m); /* m != 0 */
bool poly_irreducible(uint64_t p);                        /* Ben-Or */
uint64_t poly_random(const struct rnd *rnd);              /* irreducible, degree 53 */

#endif
