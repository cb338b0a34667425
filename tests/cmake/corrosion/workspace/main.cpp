extern "C" void first_member();
extern "C" void second_member();

int main()
{
    first_member();
    second_member();
    return 0;
}
