#include "format/blob.h"

const char *blob_type_name(enum blob_type t)
{
	return t == BLOB_TREE ? "tree" : "data";
}
