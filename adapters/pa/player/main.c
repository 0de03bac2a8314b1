/* tocsin-pa: PA scheduler and player of a hospital. */
#include "player/cli.h"

int main(int argc, char **argv)
{
    return pa_main(argc, argv);
}
