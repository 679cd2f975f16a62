/* main.c - posthornd: reads the configuration, builds the node, owns the turn */
int main(void)
{
    return 0;
}
