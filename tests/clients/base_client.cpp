// A program on libindi's BaseClient, as KStars' is: it says what it heard, a line each, until its input ends.
#include <baseclient.h>
#include <basedevice.h>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

class Told : public INDI::BaseClient
{
  protected:
    void say(const std::string &line) { printf("%s\n", line.c_str()); fflush(stdout); }
    void newDevice(INDI::BaseDevice *device) override { say(std::string("device ") + device->getDeviceName()); }
    void removeDevice(INDI::BaseDevice *device) override { say(std::string("removed ") + device->getDeviceName()); }
    void newProperty(INDI::Property *property) override
    {
        say(std::string("property ") + property->getDeviceName() + "." + property->getName() + " " + property->getLabel());
        if (property->getType() == INDI_TEXT)
            newText(property->getText());
    }
    void removeProperty(INDI::Property *property) override { say(std::string("deleted ") + property->getName()); }
    void newText(ITextVectorProperty *vector) override
    {
        for (int i = 0; i < vector->ntp; i++)
            say(std::string("text ") + vector->tp[i].text);
    }
    void newMessage(INDI::BaseDevice *device, int id) override { say("message " + device->messageQueue(id)); }
    void newBLOB(IBLOB *blob) override { say(std::string("blob ") + blob->format); }
    void newSwitch(ISwitchVectorProperty *) override {}
    void newNumber(INumberVectorProperty *) override {}
    void newLight(ILightVectorProperty *) override {}
    void serverConnected() override { say("connected"); }
    void serverDisconnected(int) override { say("disconnected"); }
};

int main(int, char **words)
{
    Told client;
    client.setServer(words[1], atoi(words[2]));
    if (!client.connectServer())
        return 1;
    char byte;
    while (read(0, &byte, 1) > 0)
        ;
    _exit(0);
}
