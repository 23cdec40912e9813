# The two services, as they are supplied: a directory each beside service-orchestrator.sh.
SERVICES := ../tests/grade/services
PROGRAMS := counter-service external-service

.PHONY: all clean
all:
	@$(MAKE) --no-print-directory -C $(SERVICES)
	cp -a $(addprefix $(SERVICES)/,$(PROGRAMS)) .

clean:
	rm -rf $(PROGRAMS)
