{# USES_VARIABLES { _synaptic_pre } #}
{# Handles the spikes that arrive. The synapses of a neuron have mostly waited for the same time since its last spike,
   and decayed alike: an exponential is computed only if it isn't that of the synapse before. #}
{% extends 'brian2/synapses.cpp' %}

{% block maincode %}
    {% if not openmp_pragma('with_openmp') %}
    #define exp(x) \
        ([](const double _of) { \
            static double _last = 0.0, _result = 1.0; \
            if (_of != _last) \
            { \
                _last = _of; \
                _result = std::exp(_of); \
            } \
            return _result; \
        }(x))
    {% endif %}
    {{super()}}
    #undef exp
{% endblock %}
