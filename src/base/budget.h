/*
 * budget: a bound on bytes in flight.  Thread safe.
 *
 * A taker larger than the whole budget waits until nothing else is out and then passes alone, so a
 * single large chunk cannot block for ever.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H
#include <stdbool.h>
#include <stddef.h>

struct budget;
struct budget *budget_new(size_t bytes);
void budget_free(struct budget *b);
void budget_take(struct budget *b, size_t bytes); /* blocks until there is room */
bool budget_try(struct budget *b, size_t bytes);  /* never blocks */
void budget_give(struct budget *b, size_t bytes); /* any thread */
size_t budget_used(struct budget *b);

#endif
