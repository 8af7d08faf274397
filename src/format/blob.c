#include "format/blob.h"
#include "base/le.h"

const char *blob_type_name(enum blob_type t)
{
	return t == BLOB_TREE ? "tree" : "data";
}

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
	return h ^ h >> 32;
}

uint64_t blob_digest(const struct blob *b)
{
	uint64_t h = mix(le64_get(b->id.b) ^ (uint64_t)b->type);

	h = mix(h ^ ((uint64_t)b->offset << 32 | b->length));
	return mix(h ^ b->plain);
}
