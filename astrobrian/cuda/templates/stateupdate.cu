{# As Brian2CUDA's, but where code changes a variable that all cells share, one thread does it all. #}
{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'brian2cuda/stateupdate.cu' %}

{% block modify_kernel_dimensions %}
    {% if in_order %}
    num_blocks = num_threads = 1;
    {% endif %}
{% endblock %}

{% block kernel_maincode %}
    {% if in_order %}
    {{scalar_code|autoindent}}
    for (_idx = 0; _idx < _N; _idx++)
    {
        _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
    {% else %}
    {{super()}}
    {% endif %}
{% endblock %}

{% block kernel_call %}
    // synapses may be none
    if (_N > 0)
    {
        {{super()}}
    }
{% endblock %}
