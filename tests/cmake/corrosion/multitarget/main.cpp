extern "C" int of_the_program(int number)
{
    return number + 1;
}

extern "C" void with_programs();

int main()
{
    with_programs();
    return 0;
}
