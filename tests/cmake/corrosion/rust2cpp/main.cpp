extern "C" void greet(const char *name);

int main()
{
    greet("C++");
    return 0;
}
