/* Wine 8 lacks this library. From it Rust's standard library takes one function, ProcessPrng, which fills a buffer with random
 * bytes. advapi32 has such a function as well, under the name SystemFunction036. */
#include <windows.h>

BOOLEAN WINAPI SystemFunction036(void *buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *buffer, SIZE_T length)
{
    while (length > 0) {
        ULONG part = length < 0x10000000 ? (ULONG)length : 0x10000000;
        if (!SystemFunction036(buffer, part))
            return FALSE;
        buffer += part;
        length -= part;
    }
    return TRUE;
}
